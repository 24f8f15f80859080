/** A bucket holds this many seconds of its rate: bursts are normal, sustained excess is not. */
export const BURST_SECONDS = 2;

/**
 * A token bucket that may be in debt. A request is admitted while anything is left, and charged for what it turns out to
 * hold; what it takes beyond the bucket is paid back before the next one comes in. So no request is split or refused
 * for its size, and over time the rate is kept exactly.
 */
export class TokenBucket {
  /** Undefined until first used: full. */
  private tokens: number | undefined;
  private at = 0;

  /**
   * What is left, negative if in debt.
   * @param perSecond the rate as configured now
   * @param now milliseconds
   */
  left(perSecond: number, now: number): number {
    const full = perSecond * BURST_SECONDS;
    const seconds = Math.max(0, now - this.at) / 1000;
    this.tokens = Math.min(full, (this.tokens ?? full) + seconds * perSecond);
    this.at = now;
    return this.tokens;
  }

  /** Takes tokens, into debt if need be. */
  take(amount: number, perSecond: number, now: number): void {
    this.tokens = this.left(perSecond, now) - amount;
  }

  /** Whole seconds until something is left; 0 when something is. */
  waitSeconds(perSecond: number, now: number): number {
    const left = this.left(perSecond, now);
    if (left > 0) return 0;
    return perSecond > 0 ? Math.floor(-left / perSecond) + 1 : Number.POSITIVE_INFINITY;
  }

  /** Milliseconds until something is left; 0 when something is. */
  waitMs(perSecond: number, now: number): number {
    const left = this.left(perSecond, now);
    if (left > 0) return 0;
    return perSecond > 0 ? Math.floor((-left / perSecond) * 1000) + 1 : Number.POSITIVE_INFINITY;
  }
}
