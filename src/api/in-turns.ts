import { setImmediate as nextTurn } from 'node:timers/promises';

/** Work that others wait for is interrupted after so many milliseconds. */
const TURN_MS = 8;

/**
 * Does `count` steps, and lets others have their turn where that takes long. Not asynchronous where it does not, which is
 * the rule: see `Ingest.accept`.
 * @returns undefined when all is done, else what resolves then
 */
export function inTurns(count: number, step: (index: number) => void): Promise<void> | undefined {
  const until = performance.now() + TURN_MS;
  for (let index = 0; index < count; index++) {
    step(index);
    if (index + 1 < count && performance.now() > until) return goOn(index + 1, count, step);
  }
  return undefined;
}

async function goOn(from: number, count: number, step: (index: number) => void): Promise<void> {
  let until = 0;
  for (let index = from; index < count; index++) {
    if (performance.now() > until) {
      await nextTurn();
      until = performance.now() + TURN_MS;
    }
    step(index);
  }
}
