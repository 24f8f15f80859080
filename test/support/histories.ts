import proto, { type temporal } from '@temporalio/proto';
import type { WorkflowHandle } from '@temporalio/client';
import { randomUUID } from 'node:crypto';
import { testNamespace } from './temporal.js';

const { EventType, WorkflowTaskFailedCause } = proto.temporal.api.enums.v1;

/** The names of a workflow's history events, `EVENT_TYPE_` left out. */
export async function eventNames(handle: WorkflowHandle): Promise<string[]> {
  const { events } = await handle.fetchHistory();
  return (events ?? []).map(({ eventType }) => (EventType[eventType ?? 0] ?? '').replace('EVENT_TYPE_', ''));
}

/**
 * What workflow tasks have failed of. Not one whose workflow has ended while a signal came: Temporal has it done again, with
 * the signal.
 */
export async function failedTasks(handle: WorkflowHandle): Promise<string[]> {
  const { events } = await handle.fetchHistory();
  return (events ?? []).flatMap(({ workflowTaskFailedEventAttributes: failed }) => {
    if (!failed || failed.cause === WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND)
      return [];
    return [failed.failure?.message ?? ''];
  });
}

/** The activities that a workflow has scheduled on queues, in order, with their queues. */
export async function scheduledActivities(handle: WorkflowHandle): Promise<[string, string][]> {
  const { events } = await handle.fetchHistory();
  return (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: scheduled }) =>
    scheduled ? [[scheduled.activityType?.name ?? '', scheduled.taskQueue?.name ?? '']] : [],
  );
}

/** Resets a workflow to its first workflow task, as an operator does in the Temporal UI; returns the new run's handle. */
export async function resetToStart(handle: WorkflowHandle): Promise<WorkflowHandle> {
  const { events } = await handle.fetchHistory();
  const first = events?.find(({ eventType }) => eventType === EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED);
  const { runId } = await handle.describe();
  const { workflowService } = handle.client;
  const answer: temporal.api.workflowservice.v1.IResetWorkflowExecutionResponse =
    await workflowService.resetWorkflowExecution({
      namespace: testNamespace(),
      workflowExecution: { workflowId: handle.workflowId, runId },
      workflowTaskFinishEventId: first?.eventId,
      requestId: randomUUID(),
      reason: 'a test',
    });
  return handle.client.getHandle(handle.workflowId, answer.runId ?? undefined);
}
