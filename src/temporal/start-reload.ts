import type { Client } from '@temporalio/client';
import { searchAttributesOf } from '../tenants/search-attributes.js';
import { tenantQueue, workflowQueue, type Isolation } from '../tenants/queues.js';
import { reloadWorkflowId } from '../tenants/workflow-ids.js';
import { RELOAD, type ReloadDays, type ReloadInput } from '../workflows/messages/reloads.js';
import { startOnce } from './start-once.js';

/** A reload to be started. */
export interface ReloadRequest extends ReloadDays {
  readonly tenant: string;
  readonly isolation: Isolation;
  /** Names it: `[a-z0-9][a-z0-9.-]{0,62}`. One of this name that is there, or was, is not started again. */
  readonly id: string;
}

/**
 * Starts the workflow that announces a tenant's kept batches for loading.
 * @returns its workflow id
 * @throws HeadgateError `WORKFLOW_FOREIGN`
 * @throws ServiceError: Temporal is away
 */
export async function startReload(client: Client, request: ReloadRequest): Promise<string> {
  const { tenant, isolation, id, ...days } = request;
  const workflowId = reloadWorkflowId(tenant, id);
  const input: ReloadInput = { tenant, activityQueue: tenantQueue(tenant), ...days };
  await startOnce(client, {
    type: RELOAD,
    tenant,
    start: {
      workflowId,
      taskQueue: workflowQueue(tenant, isolation),
      args: [input],
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      workflowIdConflictPolicy: 'FAIL',
      staticSummary: `${tenant} · kept batches are announced for loading`,
      typedSearchAttributes: searchAttributesOf(tenant),
    },
  });
  return workflowId;
}
