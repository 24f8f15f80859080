/** How many answers of one key leave in a second, once they are held back. */
const PER_SECOND = 50;
const LEAST_MS = 1_000;
const MOST_MS = 30_000;
/** Answers held back at once, of all keys: a timer each. Beyond, they are given at once. */
const MOST = 5_000;

/**
 * Holds back refusals for who goes on as if there were none: a client that asks again the moment it is refused would
 * else cost as much as one that is served, on as many connections as it has. Each waits a second, and longer the more of
 * them wait, so that a tenant or an address gets some fifty a second.
 */
export class SlowedAnswers {
  private readonly waiting = new Map<string, number>();
  private all = 0;

  /**
   * Resolves when the answer may be given.
   * @param whenHeld told how to give it at once, if it is held back
   */
  async hold(key: string, whenHeld?: (release: () => void) => void): Promise<void> {
    if (this.all >= MOST) return;
    const others = this.waiting.get(key) ?? 0;
    this.waiting.set(key, others + 1);
    this.all++;
    await new Promise<void>((resolve) => {
      const ms = Math.min(MOST_MS, Math.max(LEAST_MS, (others / PER_SECOND) * 1000));
      const timer = setTimeout(resolve, ms);
      whenHeld?.(() => {
        clearTimeout(timer);
        resolve();
      });
    });
    this.all--;
    const left = (this.waiting.get(key) ?? 1) - 1;
    if (left === 0) this.waiting.delete(key);
    else this.waiting.set(key, left);
  }
}

/** Counts by key in seconds: more than {@link PER_SECOND} in one is a flood. */
export class FloodWatch {
  private second = 0;
  private readonly counts = new Map<string, number>();

  /** Counts one, and says whether there have been too many in this second. */
  isFlood(key: string, now = Date.now()): boolean {
    const second = Math.floor(now / 1000);
    if (second !== this.second) this.counts.clear();
    this.second = second;
    const count = (this.counts.get(key) ?? 0) + 1;
    this.counts.set(key, count);
    return count > PER_SECOND;
  }
}
