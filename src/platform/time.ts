/** Milliseconds of a second. */
export const SECOND_MS = 1_000;
/** Milliseconds of a minute. */
export const MINUTE_MS = 60 * SECOND_MS;
/** Milliseconds of an hour. */
export const HOUR_MS = 60 * MINUTE_MS;
/** Milliseconds of a day. */
export const DAY_MS = 24 * HOUR_MS;

/** True for a text of the form `YYYY-MM-DD`, as directories of days are called. */
export function isDayName(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text);
}

/** The day of a moment in milliseconds since the epoch, `YYYY-MM-DD`, UTC. */
export function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

/** Seconds since a moment in milliseconds since the epoch; 0 for one of a clock that is ahead. */
export function secondsSince(time: number): number {
  return Math.max(0, Date.now() - time) / 1000;
}
