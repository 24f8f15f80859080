/** Where a {@link createReceiptClock} begins, and what it runs by. */
export interface ReceiptClockOptions {
  /** The newest receipt that the spool has, milliseconds since the epoch; undefined for an empty one. */
  readonly newest: number | undefined;
  /** This machine's clock. */
  readonly wall?: () => number;
  /** Milliseconds that have passed, whatever the clock is set to. */
  readonly steady?: () => number;
}

/**
 * The clock by which event ids are forgotten, milliseconds since the epoch. It is this machine's, but runs on from the newest
 * receipt at most: a clock that is ahead, from the start or from a moment on, makes no id old. The time that a process was
 * down does not count, so ids are remembered longer by that after it.
 */
export function createReceiptClock(options: ReceiptClockOptions): () => number {
  const { wall = Date.now, steady = () => performance.now() } = options;
  const beganAt = steady();
  const from = Math.min(options.newest ?? Infinity, wall());
  return () => Math.min(wall(), from + steady() - beganAt);
}
