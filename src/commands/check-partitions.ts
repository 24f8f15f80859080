import type { WorkflowService } from '@temporalio/client';
import { warn, type Finding } from './finding.js';

/** A queue that nobody has: how many partitions one has is the same for all that are not configured one by one. */
const ANY_QUEUE = 'tenant.doctor';

/** Over how many partitions a Temporal server spreads an activity queue; undefined where it does not say. */
export async function partitionsOf(
  workflowService: WorkflowService,
  namespace: string,
): Promise<number | undefined> {
  try {
    const taskQueue = { name: ANY_QUEUE };
    const listed = await workflowService.listTaskQueuePartitions({ namespace, taskQueue });
    return listed.activityTaskQueuePartitions?.length;
  } catch {
    return undefined;
  }
}

/** What is to be said of a server that spreads queues over several partitions; undefined if nothing. */
export function aboutPartitions(answers: string, partitions = 1): Finding | undefined {
  if (partitions <= 1) return undefined;
  const what = `${answers}; it spreads a queue over ${partitions} partitions: rates below some a second come in lumps, and priorities may do nothing`;
  const fix =
    'set matching.numTaskqueueReadPartitions and matching.numTaskqueueWritePartitions to 1, and matching.useNewMatcher to true, as docker-compose.temporal.yml does';
  return warn('temporal', what, fix);
}
