import proto from '@temporalio/proto';
import type { WorkflowService } from '@temporalio/client';

/** The rate of an activity queue as Temporal has it. */
export interface QueueRate {
  readonly activitiesPerSecond: number;
  /** Why it is that; shown by `temporal task-queue config get`. */
  readonly reason: string;
}

/**
 * Reads and writes how many activities per second a queue hands out, for all workers together; 0 pauses it. The server's queue configuration is the one source of truth: the Worker option of the same meaning is not
 * used, since there the last poller wins.
 */
export interface QueueRates {
  set(queue: string, rate: QueueRate): Promise<void>;
  /** Undefined when none has been set. */
  get(queue: string): Promise<QueueRate | undefined>;
}

const ACTIVITY = proto.temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY;

/** The rates on a Temporal server; of a connection of a client or of a Worker. */
export function createQueueRates(
  { workflowService }: { readonly workflowService: WorkflowService },
  namespace: string,
): QueueRates {
  return {
    set: async (queue, { activitiesPerSecond, reason }) => {
      await workflowService.updateTaskQueueConfig({
        namespace,
        identity: 'headgate',
        taskQueue: queue,
        taskQueueType: ACTIVITY,
        updateQueueRateLimit: { rateLimit: { requestsPerSecond: activitiesPerSecond }, reason },
      });
    },
    get: async (queue) => {
      const { config } = await workflowService.describeTaskQueue({
        namespace,
        taskQueue: { name: queue },
        taskQueueType: ACTIVITY,
        reportConfig: true,
      });
      const { rateLimit, metadata } = config?.queueRateLimit ?? {};
      const activitiesPerSecond = rateLimit?.requestsPerSecond;
      if (activitiesPerSecond === undefined || activitiesPerSecond === null) return undefined;
      return { activitiesPerSecond, reason: metadata?.reason ?? '' };
    },
  };
}
