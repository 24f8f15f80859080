import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds between two looks. */
const POLL_MS = 100;

/**
 * Looks until `check` no longer throws, and returns what it gave.
 * @param withinMs after this the last error is thrown on
 */
export async function until<T>(check: () => Promise<T> | T, withinMs: number): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await sleep(POLL_MS);
    }
  }
}
