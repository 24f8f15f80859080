import { setTimeout as sleep } from 'node:timers/promises';
import type { Arrived } from './messages.js';

const ASK_EVERY_MS = 250;
/** Nothing new for this long is taken to be stuck: longer than a breaker rests. */
const STUCK_AFTER_MS = 120_000;

/** Asks until a number of distinct events have arrived, or no more come. */
export async function untilArrived(
  ask: () => Promise<Arrived>,
  expected: number,
  onProgress: (arrived: Arrived) => void,
): Promise<Arrived> {
  let seen = -1;
  let seenAt = performance.now();
  for (;;) {
    const arrived = await ask();
    if (arrived.distinct > seen) seenAt = performance.now();
    seen = arrived.distinct;
    if (seen >= expected || performance.now() - seenAt > STUCK_AFTER_MS) return arrived;
    onProgress(arrived);
    await sleep(ASK_EVERY_MS);
  }
}
