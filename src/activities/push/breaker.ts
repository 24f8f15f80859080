import { MINUTE_MS, SECOND_MS } from '../../platform/time.js';

/** Of requests in the window. */
const OPEN_AT_SHARE = 0.7;
const OPEN_AT_REQUESTS = 10;
const WINDOW_MS = 5 * MINUTE_MS;
const BUCKET_MS = 10 * SECOND_MS;
const FIRST_PAUSE_MS = 30 * SECOND_MS;
const MAX_PAUSE_MS = 15 * MINUTE_MS;
const DISABLE_AFTER_MS = 24 * 60 * MINUTE_MS;
/**
 * A clock that is so far behind what it was has been set back.
 * Less is a correction, which costs as much at most.
 */
const SET_BACK_MS = MINUTE_MS;

/** Shares of `disableAfterFailures`, in percent, at which somebody is told. */
const ALERT_LEVELS = [50, 70, 90, 100] as const;

/** How far a subscription is on its way to be disabled, in percent. */
export type AlertLevel = (typeof ALERT_LEVELS)[number];

/** What a breaker shows of itself. Times are milliseconds since the epoch. */
export interface BreakerState {
  /** `closed`: requests go out. `open`: none do. `half-open`: one does, to see. */
  readonly state: 'closed' | 'open' | 'half-open';
  /** Of the requests of the last five minutes, 0 to 1. */
  readonly failedShare: number;
  readonly requests: number;
  /** Since when it is in this state. */
  readonly since: number;
  /** When the next probe may go out; there while it is open. */
  readonly openUntil?: number;
  /** Failures since the last success. */
  readonly consecutiveFailures: number;
}

/** Leave to make a request. */
export interface Admission {
  /** It is the one that decides whether the breaker closes. */
  readonly probe: boolean;
}

/** What an observation has led to. */
export interface BreakerVerdict {
  /** The breaker is in another state than before. */
  readonly changed: boolean;
  /** Reached for the first time in this run of failures. */
  readonly alert?: AlertLevel;
  /** It has failed so often that it should be disabled, and for long enough. */
  readonly disable: boolean;
}

interface Bucket {
  readonly startedAt: number;
  requests: number;
  failures: number;
}

/**
 * A circuit breaker, as a state machine without a clock of its own. States and moves:
 * - `closed` → `open`, for 30 s, when at least 70% of at least 10 requests in 5 minutes have failed;
 * - `open` → `half-open` when its time is over and somebody asks for leave: one probe goes out;
 * - `half-open` → `closed` when the probe succeeds; → `open`, for twice as long as before up to 15 minutes, when it fails.
 *
 * It counts failures in a row besides, for telling and in the end for disabling: `disableAfterFailures` of them, the
 * first at least a day ago. A process that starts knows of none.
 */
export class Breaker {
  private state: BreakerState['state'] = 'closed';
  private since: number;
  private openUntil = 0;
  private pauseMs = FIRST_PAUSE_MS;
  private probing: Admission | undefined;
  private buckets: Bucket[] = [];
  private failuresInRow = 0;
  private firstFailureAt = 0;
  private told = 0;

  /** @param now milliseconds since the epoch, as everywhere here */
  constructor(now: number) {
    this.since = now;
  }

  /** Asks for leave to make a request; undefined while none may be made. What came of it is to be observed, or the leave given back. */
  admit(now: number): Admission | undefined {
    if (this.state === 'closed') return { probe: false };
    if (this.state === 'open') {
      // Where the clock has been set back since, nobody knows how long it has been open.
      if (now < this.openUntil && this.since - now < SET_BACK_MS) return undefined;
      this.enter('half-open', now);
    }
    if (this.probing !== undefined) return undefined;
    return (this.probing = { probe: true });
  }

  /** Gives leave back that has told nothing of the receiver. */
  giveBack(admission: Admission): void {
    if (admission === this.probing) this.probing = undefined;
  }

  /** Learns how a request went; one that was admitted before the breaker opened moves it no more, it only counts. */
  observe(admission: Admission, ok: boolean, disableAfterFailures: number, now: number): BreakerVerdict {
    const before = this.state;
    this.count(ok, now);
    if (admission === this.probing) {
      this.probing = undefined;
      if (ok) this.close(now);
      else this.open(Math.min(MAX_PAUSE_MS, this.pauseMs * 2), now);
    } else if (this.state === 'closed' && !ok && this.isFailing(now)) this.open(FIRST_PAUSE_MS, now);
    const changed = this.state !== before;
    if (ok) {
      this.failuresInRow = this.told = 0;
      return { changed, disable: false };
    }
    return { changed, ...this.failedOnceMore(disableAfterFailures, now) };
  }

  /** Somebody says that the receiver is fixed: what has been learnt of it counts no more. */
  reset(now: number): void {
    this.probing = undefined;
    this.failuresInRow = this.told = 0;
    this.close(now);
  }

  /** As it is now. */
  stateAt(now: number): BreakerState {
    const { requests, failures } = this.totals(now);
    return {
      state: this.state,
      failedShare: requests === 0 ? 0 : failures / requests,
      requests,
      since: this.since,
      ...(this.state === 'open' && { openUntil: this.openUntil }),
      consecutiveFailures: this.failuresInRow,
    };
  }

  private failedOnceMore(disableAfterFailures: number, now: number): Omit<BreakerVerdict, 'changed'> {
    if (this.failuresInRow++ === 0) this.firstFailureAt = now;
    const percent = (this.failuresInRow / disableAfterFailures) * 100;
    const alert = ALERT_LEVELS.findLast((level) => percent >= level && level > this.told);
    if (alert !== undefined) this.told = alert;
    const disable = percent >= 100 && now - this.firstFailureAt >= DISABLE_AFTER_MS;
    // A resume gives it as many tries again.
    if (disable) this.failuresInRow = this.told = 0;
    return { ...(alert !== undefined && { alert }), disable };
  }

  private isFailing(now: number): boolean {
    const { requests, failures } = this.totals(now);
    return requests >= OPEN_AT_REQUESTS && failures >= OPEN_AT_SHARE * requests;
  }

  private open(pauseMs: number, now: number): void {
    this.pauseMs = pauseMs;
    this.openUntil = now + pauseMs;
    this.enter('open', now);
  }

  /** What was before says nothing of a receiver that is fixed. */
  private close(now: number): void {
    this.pauseMs = FIRST_PAUSE_MS;
    this.buckets = [];
    this.enter('closed', now);
  }

  private enter(state: BreakerState['state'], now: number): void {
    this.state = state;
    this.since = now;
  }

  private count(ok: boolean, now: number): void {
    this.forget(now);
    let bucket = this.buckets.at(-1);
    if (bucket === undefined || now - bucket.startedAt >= BUCKET_MS)
      this.buckets.push((bucket = { startedAt: now, requests: 0, failures: 0 }));
    bucket.requests++;
    if (!ok) bucket.failures++;
  }

  private totals(now: number): Omit<Bucket, 'startedAt'> {
    this.forget(now);
    const sum = { requests: 0, failures: 0 };
    for (const { requests, failures } of this.buckets) {
      sum.requests += requests;
      sum.failures += failures;
    }
    return sum;
  }

  private forget(now: number): void {
    const isOver = ({ startedAt }: Bucket): boolean =>
      now - startedAt >= WINDOW_MS || startedAt - now >= SET_BACK_MS;
    while (this.buckets[0] !== undefined && isOver(this.buckets[0])) this.buckets.shift();
  }
}
