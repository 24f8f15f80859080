import type { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { assertTenantId, isBatchId } from '../tenants/ids.js';
import { DEAD_LETTER, DELIVER } from '../workflows/messages/deliveries.js';
import { isBatchOf } from '../workflows/messages/batch-reference.js';
import { ANNOUNCE, INGEST_BATCH, LOAD_WINDOW } from '../workflows/messages/batches.js';

const TYPES = [INGEST_BATCH, LOAD_WINDOW, DELIVER, DEAD_LETTER].map((type) => `'${type}'`).join(', ');

/**
 * Ids of the tenant's batches that a workflow still needs: one that has not been announced or loaded, is on its way to a
 * subscription, or waits as a dead letter. Batches and deliveries are named by their workflows; a load window is asked for
 * those that were announced to it.
 */
export async function referencedBatches(client: Client, tenant: string): Promise<ReadonlySet<string>> {
  const referenced = new Set<string>();
  const query = `HeadgateTenant = '${assertTenantId(tenant)}' AND ExecutionStatus = 'Running' AND WorkflowType IN (${TYPES})`;
  for await (const { type, workflowId, runId } of client.workflow.list({ query })) {
    const ids =
      type === LOAD_WINDOW
        ? await announcedTo(client, { workflowId, runId, tenant })
        : workflowId.split('/').filter(isBatchId);
    for (const id of ids) referenced.add(id);
  }
  return referenced;
}

interface OpenWindow {
  readonly workflowId: string;
  readonly runId: string;
  readonly tenant: string;
}

async function announcedTo(client: Client, { workflowId, runId, tenant }: OpenWindow): Promise<string[]> {
  const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
  return (events ?? []).flatMap(({ workflowExecutionSignaledEventAttributes: signal }) => {
    const payload = signal?.signalName === ANNOUNCE ? signal.input?.payloads?.[0] : undefined;
    if (!payload) return [];
    const batches = defaultPayloadConverter.fromPayload<unknown>(payload);
    // The window has passed over what is something else.
    if (!Array.isArray(batches) || !batches.every((each) => isBatchOf(each, tenant))) return [];
    return batches.map(({ batchId }) => batchId);
  });
}
