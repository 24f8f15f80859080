import proto from '@temporalio/proto';
import type { NativeConnection } from '@temporalio/worker';
import { tenantQueue } from '../tenant.js';

/** The rate of a tenant's activity queue as Temporal has it. */
export interface QueueRate {
  readonly activitiesPerSecond: number;
  /** Why it is that; shown by `temporal task-queue config get`. */
  readonly reason: string;
}

/**
 * Reads and writes how many activities per second a tenant's queue hands out, for all workers together; 0 pauses the
 * tenant. The server's queue configuration is the one source of truth: the Worker option of the same meaning is not
 * used, since there the last poller wins.
 */
export interface QueueRates {
  set(tenant: string, rate: QueueRate): Promise<void>;
  /** Undefined when none has been set. */
  get(tenant: string): Promise<QueueRate | undefined>;
}

const ACTIVITY = proto.temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY;

/** The rates on a Temporal server. */
export function createQueueRates(connection: NativeConnection, namespace: string): QueueRates {
  const { workflowService } = connection;
  return {
    set: async (tenant, { activitiesPerSecond, reason }) => {
      await workflowService.updateTaskQueueConfig({
        namespace,
        identity: 'headgate',
        taskQueue: tenantQueue(tenant),
        taskQueueType: ACTIVITY,
        updateQueueRateLimit: { rateLimit: { requestsPerSecond: activitiesPerSecond }, reason },
      });
    },
    get: async (tenant) => {
      const { config } = await workflowService.describeTaskQueue({
        namespace,
        taskQueue: { name: tenantQueue(tenant) },
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
