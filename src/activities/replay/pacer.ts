import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';

/**
 * Keeps work at a rate, so that live traffic, which shares the process, comes first. What was not used up to a second ago
 * is forgotten: after a pause there is no burst.
 */
export class Pacer {
  private dueAt: number;

  constructor(
    private readonly perSecond: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.dueAt = this.now();
  }

  /** To be awaited after a piece of work; gives the event loop to others in any case. */
  async did(pieces: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.dueAt = Math.max(this.dueAt, this.now() - 1_000) + (pieces * 1_000) / this.perSecond;
    const aheadMs = this.dueAt - this.now();
    if (aheadMs >= 1) await delay(aheadMs, undefined, { signal });
    else await nextTurn(undefined, { signal });
  }
}
