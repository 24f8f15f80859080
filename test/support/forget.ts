import { WorkflowNotFoundError, type WorkflowHandle } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import { testNamespace } from './temporal.js';
import { until } from './until.js';

/** Has Temporal forget a workflow, as it does when its retention is over, and waits until it has. */
export async function forget(
  { connection }: { readonly connection: NativeConnection },
  handle: WorkflowHandle,
  namespace = testNamespace(),
): Promise<void> {
  const workflowExecution = { workflowId: handle.workflowId };
  // One that has just ended is known for some seconds more.
  await until(async () => {
    const known = await handle.describe().then(
      () => true,
      (error: unknown) => !(error instanceof WorkflowNotFoundError),
    );
    if (!known) return;
    await connection.workflowService.deleteWorkflowExecution({ namespace, workflowExecution });
    throw new Error(`Temporal still knows ${handle.workflowId}`);
  }, 60_000);
}
