import { SECOND_MS } from '../platform/time.js';

/** Tries of a subscription take long: since when, milliseconds since the epoch, and how many seconds on average. */
export interface Slowness {
  readonly since: number;
  readonly seconds: number;
}

interface Bucket {
  readonly startedAt: number;
  tries: number;
  seconds: number;
}

/** From here on, on average, it is slow; the alert `HeadgateSubscriptionSlow` has the same. */
const SLOW_SECONDS = 2;
/** It is so no more from here on: what is near the bound does not come and go. */
const NOT_SLOW_SECONDS = 1.5;
const WINDOW_MS = 30 * SECOND_MS;
const BUCKET_MS = 5 * SECOND_MS;

/** Tells from the tries of the last half a minute whether they are slow. */
export class SlowTries {
  private buckets: Bucket[] = [];
  private since: number | undefined;

  /** Learns how long a try took, and says whether they are slow; `now` is in milliseconds since the epoch. */
  observe(seconds: number, now: number): Slowness | undefined {
    this.count(seconds, now);
    const mean = this.mean();
    if (mean > SLOW_SECONDS) this.since ??= now;
    else if (mean < NOT_SLOW_SECONDS) this.since = undefined;
    return this.since === undefined ? undefined : { since: this.since, seconds: mean };
  }

  private count(seconds: number, now: number): void {
    // What is of the future was counted before the clock was set back.
    this.buckets = this.buckets.filter(
      ({ startedAt }) => now - startedAt < WINDOW_MS && startedAt - now < BUCKET_MS,
    );
    let bucket = this.buckets.at(-1);
    if (bucket === undefined || now - bucket.startedAt >= BUCKET_MS)
      this.buckets.push((bucket = { startedAt: now, tries: 0, seconds: 0 }));
    bucket.tries++;
    bucket.seconds += seconds;
  }

  private mean(): number {
    const tries = this.buckets.reduce((sum, each) => sum + each.tries, 0);
    return this.buckets.reduce((sum, each) => sum + each.seconds, 0) / tries;
  }
}
