import { condition, defineSignal, proxyActivities, setHandler } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import type { BatchRef } from '../event.js';
import { ANNOUNCE, type LoadWindowInput, type LoadWindowResult, type WindowLoad } from './messages.js';

/** Batches to be loaded with this window: a batch of events, and the decisions on it. */
export const announceSignal = defineSignal<[readonly BatchRef[]]>(ANNOUNCE);

/** A window is full, and loads before it closes, at this many batches or bytes of gzipped files. */
const FULL = { batches: 200, bytes: 64 * 1024 * 1024 };

/**
 * One load window of a tenant: collects announced batches until it closes or is full, loads them, and ends.
 * The membership of each load is in the history, so a retried load has the same id and the same files. A batch that is
 * announced while a load runs is loaded after it; Temporal does not let a workflow end with a signal unread.
 */
export async function loadWindow(input: LoadWindowInput): Promise<LoadWindowResult> {
  const announced = new Map<string, BatchRef>();
  setHandler(announceSignal, (batches) => {
    for (const batch of batches) announced.set(`${batch.stream}/${batch.batchId}`, batch);
  });
  const { loadBatches } = proxyActivities<Activities>({
    taskQueue: input.activityQueue,
    startToCloseTimeout: '5 minutes',
    // Heartbeats come every 5 s while DuckDB works.
    heartbeatTimeout: '30 seconds',
    // The warehouse may be away for hours; its tenant alone waits.
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' },
  });
  const loads: WindowLoad[] = [];
  await condition(() => isFull(announced), Math.max(1, input.closesAt - Date.now()));
  while (announced.size > 0) {
    const batches = [...announced.values()].sort((left, right) => (left.batchId < right.batchId ? -1 : 1));
    announced.clear();
    const { tenant, window } = input;
    loads.push(...(await loadBatches({ tenant, window, loadedAt: new Date().toISOString(), batches })));
  }
  return { loads };
}

function isFull(announced: ReadonlyMap<string, BatchRef>): boolean {
  let bytes = 0;
  for (const batch of announced.values()) bytes += batch.bytes;
  return announced.size >= FULL.batches || bytes >= FULL.bytes;
}
