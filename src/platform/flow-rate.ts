/** Amounts older than a few times this hardly count: long enough to even out batches, short enough to notice a stall. */
const TIME_CONSTANT_MS = 10_000;
/** The shortest time a first amount is spread over. */
const SHORTEST_MS = 1_000;

/** An exponentially weighted rate of something that comes in amounts: bytes into the spool or out of it, loads of a tenant. */
export class FlowRate {
  private sum = 0;
  private at = 0;
  private since: number | undefined;

  /** Adds an amount that has flowed at `now` (milliseconds). */
  add(amount: number, now: number): void {
    this.since ??= now;
    this.sum = this.decayed(now) + amount;
    this.at = now;
  }

  /** The rate per second, or undefined when nothing has ever flowed. */
  perSecond(now: number): number | undefined {
    if (this.since === undefined) return undefined;
    // What has not been watched for long would seem slower than it is.
    const watchedMs = Math.max(SHORTEST_MS, now - this.since);
    const weightMs = TIME_CONSTANT_MS * (1 - Math.exp(-watchedMs / TIME_CONSTANT_MS));
    return (this.decayed(now) * 1000) / weightMs;
  }

  private decayed(now: number): number {
    return this.sum * Math.exp(-Math.max(0, now - this.at) / TIME_CONSTANT_MS);
  }
}
