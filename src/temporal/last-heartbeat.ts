import type { WorkflowExecutionDescription } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';

/** What the activity that a workflow waits for has said last; undefined while none has said anything. */
export function lastHeartbeat<T>({ raw }: WorkflowExecutionDescription): T | undefined {
  const [payload] = (raw.pendingActivities ?? []).flatMap(
    ({ heartbeatDetails }) => heartbeatDetails?.payloads ?? [],
  );
  return payload && defaultPayloadConverter.fromPayload<T>(payload);
}
