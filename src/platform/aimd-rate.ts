import { FlowRate } from './flow-rate.js';

/** How one piece of work went. */
export interface WorkOutcome {
  readonly seconds: number;
  /** The code of the error, if it failed for a reason that slowing down may help with. */
  readonly failure?: string;
}

/** Work goes on at this rate however it fails, so that a recovery is noticed: one try in ten seconds. */
const FLOOR = 0.1;
/** What is added per second that passes without a failure: a backlog of 700 loads is worked off in two minutes. */
const INCREASE_PER_SECOND = 0.1;
/** A pause counts for no more than this: success after a long silence says little. */
const MAX_INCREASE_SECONDS = 10;
const DECREASE_FACTOR = 0.5;
/** Work that ran side by side fails together: that is one failure. */
const DECREASE_EVERY_MS = 5_000;
/** Without a failure for this long, a rate that is more than twice what is asked for holds nothing back, and is given up. */
const CALM_MS = 30_000;
/** Slow is what takes four times as long as it used to, and at least five seconds. */
const SLOW_FACTOR = 4;
const SLOW_SECONDS = 5;
/** Weight of the newest duration, so that what is slow for good becomes usual after some tens of pieces of work. */
const USUAL_WEIGHT = 0.1;

/**
 * A rate by additive increase and multiplicative decrease. States: open (no rate of its own: the configured one holds)
 * → held back, at the first failure or slow success, at half of what was being done → rising while work succeeds → open.
 * @see "Analysis of the Increase and Decrease Algorithms for Congestion Avoidance", Chiu and Jain, 1989
 */
export class AimdRate {
  private rate: number | undefined;
  private cause = '';
  private usualSeconds: number | undefined;
  private changedAt = 0;
  private failedAt = 0;
  private readonly done = new FlowRate();

  /** The rate per second while it is held back; undefined when open. */
  get heldBackTo(): number | undefined {
    return this.rate;
  }

  /** What held it back: the code of an error, or `slow`. */
  get reason(): string {
    return this.cause;
  }

  /** Goes on at a rate that another process has found. */
  adopt(rate: number, now: number): void {
    this.rate = rate;
    this.cause = 'adopted';
    this.changedAt = this.failedAt = now;
  }

  /**
   * Learns from a piece of work.
   * @param ceiling the configured rate per second
   * @param now milliseconds
   */
  observe({ seconds, failure }: WorkOutcome, ceiling: number, now: number): void {
    this.done.add(1, now);
    const cause = failure ?? (this.isSlow(seconds) ? 'slow' : undefined);
    if (failure === undefined) this.learn(seconds);
    if (cause !== undefined) this.decrease(cause, ceiling, now);
    else if (this.rate !== undefined) this.increase(this.rate, ceiling, now);
  }

  private isSlow(seconds: number): boolean {
    return (
      this.usualSeconds !== undefined && seconds > Math.max(SLOW_SECONDS, SLOW_FACTOR * this.usualSeconds)
    );
  }

  private learn(seconds: number): void {
    this.usualSeconds ??= seconds;
    this.usualSeconds += USUAL_WEIGHT * (seconds - this.usualSeconds);
  }

  /** From what is being done, not from what would be allowed: the ceiling may be far above what is ever asked for. */
  private decrease(cause: string, ceiling: number, now: number): void {
    const again = this.rate !== undefined && now - this.failedAt < DECREASE_EVERY_MS;
    if (again) return;
    const doing = Math.min(this.rate ?? ceiling, this.done.perSecond(now) ?? ceiling);
    this.rate = Math.min(ceiling, Math.max(FLOOR, doing * DECREASE_FACTOR));
    this.cause = cause;
    this.changedAt = this.failedAt = now;
  }

  private increase(rate: number, ceiling: number, now: number): void {
    const seconds = Math.min(MAX_INCREASE_SECONDS, Math.max(0, now - this.changedAt) / 1000);
    const raised = rate + seconds * INCREASE_PER_SECOND;
    const calm = now - this.failedAt >= CALM_MS;
    const idle = calm && raised > 2 * (this.done.perSecond(now) ?? 0);
    this.rate = raised >= ceiling || idle ? undefined : raised;
    this.changedAt = now;
  }
}
