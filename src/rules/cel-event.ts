import type { EventRow } from '../events/event.js';

/** The event as expressions see it: extension attributes stand beside the others, as `event.<name>`. */
export function celEvent(event: EventRow): object {
  return event.extensions === undefined ? event : { ...event.extensions, ...event };
}
