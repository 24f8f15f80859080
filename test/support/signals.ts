import type { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';

/** Ids of the events that a workflow was signalled with, in order, and the queue it waits on. */
export async function signalsOf(
  client: Client,
  workflowId: string,
  runId?: string,
): Promise<{ queue: string; events: string[] }> {
  const { events = [] } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
  const signalled = (events ?? []).flatMap(({ workflowExecutionSignaledEventAttributes: signal }) =>
    (signal?.input?.payloads ?? []).map(
      (payload) => defaultPayloadConverter.fromPayload<{ id: string }>(payload).id,
    ),
  );
  const queue = events?.[0]?.workflowExecutionStartedEventAttributes?.taskQueue?.name ?? '';
  return { queue, events: signalled };
}
