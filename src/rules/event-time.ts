import type { EventRow } from '../event.js';

/**
 * The event's time in milliseconds since 1970. A time that RFC 3339 allows but JavaScript does not (a leap second)
 * falls back to the time of receipt, so that no event is without a place in the order.
 */
export function eventTimeMs(event: EventRow): number {
  const time = Date.parse(event.time);
  return Number.isNaN(time) ? Date.parse(event.received_at) : time;
}
