import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import type { BatchRef } from '../events/event.js';
import type { IngestBatchInput, IngestBatchResult } from './messages/batches.js';

/**
 * The fast path: local activities run within the first workflow task of an eagerly started workflow, a third of the
 * cost of ordinary ones. Announcing takes milliseconds; two attempts cover a hiccup, anything worse goes to the
 * tenant's queue. A task that lasts longer than its timeout for them is kept by the Worker.
 */
const fast = proxyLocalActivities<Activities>({
  startToCloseTimeout: '3 seconds',
  scheduleToCloseTimeout: '7 seconds',
  retry: { maximumAttempts: 2, initialInterval: '100 milliseconds' },
});

/** The slow path: the tenant's rate-limited queue, for as long as it takes; a batch is never given up. */
function onTenantQueue(taskQueue: string): Pick<Activities, 'announce' | 'startDeliveries'> {
  return proxyActivities<Activities>({
    taskQueue,
    startToCloseTimeout: '30 seconds',
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' },
  });
}

/**
 * One batch, decided on and routed at ingest: its events and decisions are announced for loading, and the deliveries
 * to its subscriptions start. Every step is idempotent, so the workflow may be retried and reset at any point.
 */
export async function ingestBatch(input: IngestBatchInput): Promise<IngestBatchResult> {
  const { batch, decided, activityQueue } = input;
  const { evaluated, eligible, decisions } = decided;
  const announced: BatchRef[] = decisions === undefined ? [batch] : [batch, decisions];
  const [load, deliveries] = await Promise.all([
    fast.announce(announced).catch(() => onTenantQueue(activityQueue).announce(announced)),
    startDeliveries(input),
  ]);
  return { evaluated, eligible, load, ...(deliveries.length > 0 && { deliveries }) };
}

/** A batch that no route has matched costs nothing here. */
async function startDeliveries({
  batch,
  decided,
  activityQueue,
  routed = [],
}: IngestBatchInput): Promise<string[]> {
  if (routed.length === 0) return [];
  const deliveries = { batch, decisions: decided.decisions, routed, activityQueue };
  return fast
    .startDeliveries(deliveries)
    .catch(() => onTenantQueue(activityQueue).startDeliveries(deliveries));
}
