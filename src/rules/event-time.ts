import { canonicalTimeMs } from '../events/canonical-time.js';
import type { EventRow } from '../events/event.js';

/**
 * The event's time in milliseconds since 1970. A time that RFC 3339 allows but JavaScript does not (a leap second)
 * falls back to the time of receipt, so that no event is without a place in the order.
 */
export function eventTimeMs(event: EventRow): number {
  const time = timeMs(event.time);
  return Number.isNaN(time) ? timeMs(event.received_at) : time;
}

/** A time in milliseconds since 1970; NaN for none. What earlier versions have kept may be of another form. */
export function timeMs(time: string): number {
  const ms = canonicalTimeMs(time);
  return Number.isNaN(ms) ? Date.parse(time) : ms;
}
