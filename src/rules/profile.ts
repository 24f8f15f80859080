import type { ProfileState } from './profile-state.js';
import { isDeepStrictEqual } from 'node:util';
import type { EventRow } from '../events/event.js';
import { eventTimeMs, timeMs } from './event-time.js';
import {
  dropOldTombstones,
  extentAfter,
  extentOf,
  isTooLarge,
  noteProperty,
  valueOf,
} from './profile-limits.js';

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

/**
 * Merges another subject's profile: per key the later time wins, of two at the same time the own. Values that have no room
 * are left out, in the order in which they stand there.
 * @param receivedAt of the event that merges them; no time counts as later
 */
export function mergeProfile(own: ProfileState, other: ProfileState, receivedAt: number): void {
  let extent = extentOf(own);
  for (const [key, theirs] of Object.entries(other.times)) {
    const time = Math.min(theirs, receivedAt);
    const known = Object.hasOwn(own.times, key) ? own.times[key] : undefined;
    if (known !== undefined && time <= Math.min(known, receivedAt)) continue;
    const [before, after] = [valueOf(own, key), valueOf(other, key)];
    const grown = extentAfter(extent, key, before, after);
    if (isTooLarge(grown, extent)) continue;
    extent = grown;
    setProperty(own, key, { before, after, time });
  }
  dropOldTombstones(own);
}

function mergeProperty(
  profile: ProfileState,
  key: string,
  value: unknown,
  { time, receivedAt }: { readonly time: number; readonly receivedAt: number },
): boolean {
  const { times } = profile;
  const known = Object.hasOwn(times, key) ? times[key] : undefined;
  if (known !== undefined && time < known && known <= receivedAt) return false;
  const before = valueOf(profile, key);
  if (time === known && isDeepStrictEqual(before, value)) return false;
  setProperty(profile, key, { before, after: value, time });
  return true;
}

function setProperty(
  profile: ProfileState,
  key: string,
  { before, after, time }: { readonly before: unknown; readonly after: unknown; readonly time: number },
): void {
  setOwn(profile.times, key, time);
  noteProperty(profile, key, before, after);
  if (after === null) delete profile.values[key];
  else setOwn(profile.values, key, after);
}

/** Sets an own property whatever its name: plain assignment to `__proto__` would change the prototype instead. */
function setOwn<T>(record: Record<string, T>, key: string, value: T): void {
  if (key !== '__proto__') record[key] = value;
  else Object.defineProperty(record, key, { value, writable: true, enumerable: true, configurable: true });
}
