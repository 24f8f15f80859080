import type { RetryPolicy } from '../../tenants/config/subscription-config.js';

/** A pause gets up to this much more, so that what failed together does not come back together. */
const JITTER = 0.2;

/**
 * Milliseconds until the next attempt; undefined after the last one.
 * @param attempts made before the one that has failed
 * @param random 0 to 1
 */
export function retryPauseMs(
  { scheduleMs }: RetryPolicy,
  attempts: number,
  random: () => number = Math.random,
): number | undefined {
  const pauseMs = scheduleMs[attempts];
  return pauseMs === undefined ? undefined : pauseMs * (1 + JITTER * random());
}

/** The longest that an event can have to wait which has failed in `attempts` attempts; 0 where there is no pause. */
export function longestRetryPauseMs(retry: RetryPolicy, attempts: number): number {
  return retryPauseMs(retry, attempts - 1, () => 1) ?? 0;
}
