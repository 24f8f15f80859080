import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';

/** What waits on an activity queue; counts and ages are Temporal's approximations. */
export interface QueueBacklog {
  readonly tasks: number;
  /** Age of the oldest task, in milliseconds. */
  readonly ageMs: number;
  /** Tasks handed out per second. */
  readonly tasksPerSecond: number;
}

/** Asks Temporal, in the client's namespace and within its deadline, what waits on an activity queue. */
export async function queueBacklog(client: Client, queue: string): Promise<QueueBacklog> {
  const { stats } = await client.workflowService.describeTaskQueue({
    namespace: client.options.namespace,
    taskQueue: { name: queue },
    taskQueueType: proto.temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
    reportStats: true,
  });
  const { seconds, nanos } = stats?.approximateBacklogAge ?? {};
  return {
    tasks: Number(stats?.approximateBacklogCount ?? 0),
    ageMs: Number(seconds ?? 0) * 1000 + (nanos ?? 0) / 1e6,
    tasksPerSecond: stats?.tasksDispatchRate ?? 0,
  };
}
