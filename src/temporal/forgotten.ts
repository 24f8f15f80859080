import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { BatchName } from '../events/event.js';
import { batchWorkflowId } from '../tenants/workflow-ids.js';
import { askTemporal } from './ask-temporal.js';

/**
 * Whether Temporal should know a batch and does not: its data is lost, or older than what it was given. Of a batch whose
 * history may be past the namespace's retention it cannot be told, and the answer is false.
 * @param plannedAt milliseconds since the epoch
 * @throws HeadgateError `ENGINE_UNAVAILABLE`
 */
export async function hasForgotten(
  client: Client,
  { tenant, stream, batchId }: BatchName,
  plannedAt: number,
  now = Date.now(),
): Promise<boolean> {
  return askTemporal(client, async () => {
    const handle = client.workflow.getHandle(batchWorkflowId(tenant, stream, batchId));
    const found = await handle.describe().catch((error: unknown) => {
      if (error instanceof WorkflowNotFoundError) return undefined;
      throw error;
    });
    return found === undefined && now - plannedAt < (await retentionMs(client));
  });
}

async function retentionMs(client: Client): Promise<number> {
  const { namespace } = client.options;
  const { config } = await client.workflowService.describeNamespace({ namespace });
  return Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) * 1000;
}
