import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import type { ReloadInput, ReloadResult } from './messages/reloads.js';

/**
 * Announces the kept batches of a tenant for loading once more: their loads leave out what the warehouse holds. It is for a
 * Temporal that has lost what it knew of load windows.
 */
export async function reload({ activityQueue, ...batches }: ReloadInput): Promise<ReloadResult> {
  const { announceKept } = proxyActivities<Activities>({
    taskQueue: activityQueue,
    // Each file is read, 100 batches a second at most: a week of a large tenant takes hours.
    startToCloseTimeout: '1 day',
    // They come every 5 s, and say how far it is: the next attempt goes on from there.
    heartbeatTimeout: '1 minute',
    // What is not announced is not loaded: it is never given up.
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' },
  });
  return announceKept(batches);
}
