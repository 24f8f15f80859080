import type { EventRow } from '../event.js';

/** The event as expressions see it: extension attributes stand beside the others, as `event.<name>`. */
export function celEvent(event: EventRow): object {
  const { data, extensions } = event;
  const plainData = typeof data === 'object' && data !== null ? celMap(data) : data;
  if (extensions === undefined && plainData === data) return event;
  return celMap({ ...extensions, ...event, data: plainData });
}

/**
 * CEL takes an object with a key `constructor` for an instance of some unknown class and refuses to read it; as a Map
 * it is plain data again. Rare, so everything else is passed as it is.
 */
export function celMap(value: object): object {
  return Object.hasOwn(value, 'constructor') && !Array.isArray(value)
    ? new Map(Object.entries(value))
    : value;
}
