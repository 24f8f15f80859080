import type { NativeConnection } from '@temporalio/worker';
import proto from '@temporalio/proto';
import { tenantQueue } from '../tenant.js';

/**
 * Sets how many activities per second a tenant's queue hands out, for all workers together; 0 pauses the tenant. The
 * server's queue configuration is the one source of truth: the Worker option of the same meaning is not used, since
 * there the last poller wins.
 */
export async function setActivityRate(
  connection: NativeConnection,
  namespace: string,
  tenant: string,
  activitiesPerSecond: number,
): Promise<void> {
  await connection.workflowService.updateTaskQueueConfig({
    namespace,
    identity: 'headgate',
    taskQueue: tenantQueue(tenant),
    taskQueueType: proto.temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
    updateQueueRateLimit: {
      rateLimit: { requestsPerSecond: activitiesPerSecond },
      reason: "limits.activitiesPerSecond of the tenant's configuration",
    },
  });
}
