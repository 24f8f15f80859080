import type { Client } from '@temporalio/client';
import { assertTenantId } from '../tenants/ids.js';
import { LOAD_WINDOW } from '../workflows/messages/batches.js';

/** What waits for a tenant's warehouse. */
interface WaitingWindows {
  /**
   * Load windows that have not loaded all that was announced to them; each may hold up to 200 batches, or 1,000 in
   * BigQuery.
   */
  readonly windows: number;
  /** For how long the oldest of them has been there: one that has not closed yet is not late, however long windows are. */
  readonly oldestSeconds: number;
}

/** The same of all tenants, with the workflow of the oldest window of each. */
export interface FoundWindows extends WaitingWindows {
  readonly oldestId: string;
}

/** No more are looked at; there are more only when warehouses have been paused for days. */
const MAX_WINDOWS = 20_000;
const PAGE_SIZE = 1_000;

/**
 * The load windows that are open or wait, by tenant: those of one tenant, or of all. From Temporal's visibility, which may
 * lag a second, and without opening a history; how many batches they hold stands nowhere else.
 */
export async function waitingWindows(client: Client, tenant?: string): Promise<Map<string, FoundWindows>> {
  const own = tenant === undefined ? '' : ` AND HeadgateTenant = "${assertTenantId(tenant)}"`;
  const query = `WorkflowType = "${LOAD_WINDOW}" AND ExecutionStatus = "Running"${own}`;
  const found = new Map<string, FoundWindows>();
  const now = Date.now();
  let seen = 0;
  for await (const { workflowId, startTime } of client.workflow.list({ query, pageSize: PAGE_SIZE })) {
    if (++seen > MAX_WINDOWS) break;
    const [, of = ''] = workflowId.split('/');
    const before = found.get(of);
    const seconds = (now - startTime.getTime()) / 1000;
    const oldest =
      before === undefined || seconds > before.oldestSeconds
        ? { oldestId: workflowId, oldestSeconds: seconds }
        : { oldestId: before.oldestId, oldestSeconds: before.oldestSeconds };
    found.set(of, { windows: (before?.windows ?? 0) + 1, ...oldest });
  }
  return found;
}
