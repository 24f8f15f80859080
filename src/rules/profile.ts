import type { ProfileState } from './profile-state.js';
import { isDeepStrictEqual } from 'node:util';
import type { EventRow } from '../events/event.js';
import { eventTimeMs, timeMs } from './event-time.js';
import { dropOldTombstones, noteProperty } from './profile-limits.js';

/**
 * Merges the top-level keys of the event's data into the profile. Per key the event with the latest time wins, of two
 * at the same time the later arrived; `null` unsets. So the order of arrival does not matter, and applying an event
 * again changes nothing. No time is later than its event's receipt: a property that has one from a clock that was ahead
 * gives way to the next event, instead of waiting for that time. Data that is not an object is ignored.
 * @returns true when the profile changed
 */
export function mergeProperties(profile: ProfileState, event: EventRow): boolean {
  const { data } = event;
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return false;
  const receivedAt = timeMs(event.received_at);
  const time = Math.min(eventTimeMs(event), receivedAt);
  let changed = false;
  for (const [key, value] of Object.entries(data)) {
    if (mergeProperty(profile, key, value, { time, receivedAt })) changed = true;
  }
  if (changed) dropOldTombstones(profile);
  return changed;
}

function mergeProperty(
  profile: ProfileState,
  key: string,
  value: unknown,
  { time, receivedAt }: { readonly time: number; readonly receivedAt: number },
): boolean {
  const { values, times } = profile;
  const known = Object.hasOwn(times, key) ? times[key] : undefined;
  if (known !== undefined && time < known && known <= receivedAt) return false;
  const before = Object.hasOwn(values, key) ? values[key] : null;
  if (time === known && isDeepStrictEqual(before, value)) return false;
  setOwn(times, key, time);
  noteProperty(profile, key, before, value);
  if (value === null) delete values[key];
  else setOwn(values, key, value);
  return true;
}

/** Sets an own property whatever its name: plain assignment to `__proto__` would change the prototype instead. */
function setOwn<T>(record: Record<string, T>, key: string, value: T): void {
  if (key !== '__proto__') record[key] = value;
  else Object.defineProperty(record, key, { value, writable: true, enumerable: true, configurable: true });
}
