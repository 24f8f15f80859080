import { TokenBucket } from '../../platform/token-bucket.js';

/**
 * How many requests to one subscription may be under way, and how many events may go out a second. A request is a POST, or
 * a signal to a workflow.
 */
export interface FlowLimits {
  readonly maxConcurrency: number;
  /** Default: none. */
  readonly eventsPerSecond?: number;
}

/** How a request went, as far as it says something of the receiver's strength; `neutral` says nothing. */
export type FlowSignal = 'success' | 'failure' | 'neutral';

/** Leave to make one request. */
export interface Slot {
  /** Gives it back; once. */
  release(signal: FlowSignal): void;
}

/**
 * Requests to one subscription at once, of all passes in this process. It begins at 1. Each success raises the limit by
 * one, which doubles it every round while all goes well, up to the configured most; a failure halves it, once for all
 * requests that were under way together.
 */
export class Concurrency {
  private allowed = 1;
  private underWay = 0;
  /** Counts the halvings. */
  private epoch = 0;
  private readonly waiting: (() => void)[] = [];
  private readonly bucket = new TokenBucket();

  /** @param now milliseconds */
  constructor(private readonly now: () => number = Date.now) {}

  /** Requests that may be under way now. */
  get limit(): number {
    return this.allowed;
  }

  /** Requests that are under way. */
  get inFlight(): number {
    return this.underWay;
  }

  /**
   * Waits for permission to send a number of events in a request, first come first served. Each pass waits for one at a
   * time, so that there are no more waiting than passes.
   * @returns undefined if `signal` was aborted first
   */
  async acquire(events: number, limits: FlowLimits, signal: AbortSignal): Promise<Slot | undefined> {
    while (!signal.aborted) {
      const rate = limits.eventsPerSecond;
      const waitMs = rate === undefined ? 0 : this.bucket.waitMs(rate, this.now());
      if (waitMs === 0 && this.underWay < Math.min(this.allowed, limits.maxConcurrency)) {
        if (rate !== undefined) this.bucket.take(events, rate, this.now());
        return this.take(limits.maxConcurrency);
      }
      await this.change(waitMs, signal);
    }
    // What woke this one up may serve another.
    this.wake();
    return undefined;
  }

  private take(maxConcurrency: number): Slot {
    const { epoch } = this;
    this.underWay++;
    return {
      release: (signal) => {
        this.underWay--;
        if (signal === 'success') this.allowed = Math.min(maxConcurrency, this.allowed + 1);
        else if (signal === 'failure' && epoch === this.epoch) {
          this.allowed = Math.max(1, this.allowed >> 1);
          this.epoch++;
        }
        this.wake();
      },
    };
  }

  /** Until a slot may be free, the rate has recovered, or `signal` is aborted. */
  private change(waitMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((done) => {
      let timer: NodeJS.Timeout | undefined;
      const changed = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', changed);
        const at = this.waiting.indexOf(changed);
        if (at !== -1) this.waiting.splice(at, 1);
        done();
      };
      if (waitMs > 0) timer = setTimeout(changed, waitMs);
      else this.waiting.push(changed);
      signal.addEventListener('abort', changed);
    });
  }

  /** As many as there are slots for: a raised limit may let in two. */
  private wake(): void {
    for (const changed of this.waiting.slice(0, Math.max(0, this.allowed - this.underWay))) changed();
  }
}
