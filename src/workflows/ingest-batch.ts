import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import type { BatchRef } from '../event.js';
import type { IngestBatchInput, IngestBatchResult, LoadNotice } from './messages.js';

/**
 * The fast lane: local activities run within the first workflow task of an eagerly started workflow, a third of the
 * cost of ordinary ones. A batch takes milliseconds; two attempts cover a hiccup, anything worse goes to the slow lane
 * well before the workflow task's 10 s are over.
 */
const fast = proxyLocalActivities<Activities>({
  startToCloseTimeout: '3 seconds',
  scheduleToCloseTimeout: '7 seconds',
  retry: { maximumAttempts: 2, initialInterval: '100 milliseconds' },
});

/** The slow lane: the tenant's rate-limited queue, for as long as it takes; a batch is never given up. */
function slowLane(taskQueue: string): Pick<Activities, 'applyBatch' | 'announce'> {
  return proxyActivities<Activities>({
    taskQueue,
    startToCloseTimeout: '5 minutes',
    // Heartbeats come every few seconds; a dead worker is noticed within this.
    heartbeatTimeout: '30 seconds',
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' },
  });
}

/**
 * One batch: applied to the tenant's state (profiles, or aggregates and rules), then announced for loading. Every step
 * is idempotent, so the workflow may be retried and reset at any point.
 */
export async function ingestBatch(input: IngestBatchInput): Promise<IngestBatchResult> {
  const slow = slowLane(input.activityQueue);
  const applied = await fast.applyBatch(input.batch).catch(() => slow.applyBatch(input.batch));
  const announced: BatchRef[] =
    applied.decisions === undefined ? [input.batch] : [input.batch, applied.decisions];
  const loads: LoadNotice[] = await fast.announce(announced).catch(() => slow.announce(announced));
  return { evaluated: applied.evaluated, eligible: applied.eligible, loads };
}
