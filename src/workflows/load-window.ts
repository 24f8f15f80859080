import { condition, defineSignal, proxyActivities, setHandler } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import type { BatchRef } from '../events/event.js';
import {
  ANNOUNCE,
  FULL_WINDOW,
  type LoadWindowInput,
  type LoadWindowResult,
  type WindowLoad,
  type WindowSize,
} from './messages/batches.js';
import { announcedBatches } from './signal-arguments.js';

/** Batches to be loaded with this window: a batch of events, and the decisions on it. */
const announceSignal = defineSignal<[readonly BatchRef[]]>(ANNOUNCE);

/**
 * One load window of a tenant: collects announced batches until it closes or is full, loads them, and ends.
 * The membership of each load is in the history, so a retried load has the same id and the same files. A batch that is
 * announced while a load runs is loaded after it, at once unless `input.full` asks for few large loads; Temporal does not
 * let a workflow end with a signal unread.
 */
export async function loadWindow(input: LoadWindowInput): Promise<LoadWindowResult> {
  const announced = new Map<string, BatchRef>();
  setHandler(announceSignal, (batches) => {
    for (const batch of announcedBatches(batches, input.tenant))
      announced.set(`${batch.stream}/${batch.batchId}`, batch);
  });
  const { loadBatches } = proxyActivities<Activities>({
    taskQueue: input.activityQueue,
    // A large load writes and uploads some gigabytes of rows, for which this asks 5 MB/s, and waits for a job that may queue.
    // A job that has been submitted by then is not lost: the next attempt waits for it.
    startToCloseTimeout: input.full === undefined ? '5 minutes' : '15 minutes',
    // Heartbeats come every 5 s while it works, however long that takes.
    heartbeatTimeout: '30 seconds',
    // The warehouse may be away for hours; its tenant alone waits. Where large loads are wanted each try may be one of the
    // jobs of which a day has a limited number: one a minute would use them all up.
    retry: {
      initialInterval: '1 second',
      backoffCoefficient: 2,
      maximumInterval: input.full === undefined ? '1 minute' : '10 minutes',
    },
  });
  const loads: WindowLoad[] = [];
  const full = input.full ?? FULL_WINDOW;
  const fullOrClosed = () => condition(() => isFull(announced, full), Math.max(1, restMs(input)));
  await fullOrClosed();
  while (announced.size > 0) {
    const batches = [...announced.values()].sort((left, right) => (left.batchId < right.batchId ? -1 : 1));
    announced.clear();
    const { tenant, window } = input;
    loads.push(...(await loadBatches({ tenant, window, loadedAt: new Date().toISOString(), batches })));
    // Where few large loads are wanted, what has come during one waits for the next: they would follow each other at once.
    if (input.full !== undefined && announced.size > 0 && Date.now() < input.closesAt) await fullOrClosed();
  }
  return { loads };
}

/** Never longer than the window: the clock by which it was named may be ahead of Temporal's. */
function restMs({ closesAt, lengthMs = Infinity }: LoadWindowInput): number {
  return Math.min(lengthMs, closesAt - Date.now());
}

function isFull(announced: ReadonlyMap<string, BatchRef>, full: WindowSize): boolean {
  let bytes = 0;
  for (const batch of announced.values()) bytes += batch.bytes;
  return announced.size >= full.batches || bytes >= full.bytes;
}
