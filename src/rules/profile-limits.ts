import type { EventRow } from '../events/event.js';
import type { ProfileState } from './profile-state.js';

/** Properties that a profile may have. */
export const MAX_PROFILE_KEYS = 2_000;
/** What a profile may take as JSON, in UTF-16 code units: as much as one event. */
const MAX_PROFILE_SIZE = 256 * 1024;

/** A profile's size; worked out once, and kept up to date by {@link noteProperty}. */
const sizes = new WeakMap<ProfileState, number>();

/** What a property takes as JSON, with its name and what goes between; one that is unset takes nothing. */
function sizeOf(key: string, value: unknown): number {
  return value === null ? 0 : key.length + JSON.stringify(value).length + 4;
}

function sizeOfProfile(profile: ProfileState): number {
  let size = sizes.get(profile);
  if (size === undefined) {
    size = 0;
    for (const [key, value] of Object.entries(profile.values)) size += sizeOf(key, value);
    sizes.set(profile, size);
  }
  return size;
}

/** To be called before a property changes, so that a size that is known stays right. */
export function noteProperty(profile: ProfileState, key: string, before: unknown, after: unknown): void {
  const size = sizes.get(profile);
  if (size !== undefined) sizes.set(profile, size - sizeOf(key, before) + sizeOf(key, after));
}

/**
 * Says which of a request's user properties do not fit into their profiles. A profile that is larger than it may be, of an
 * earlier version, can be read and get smaller; what would make it grow is refused.
 */
export class ProfileLimits {
  /** By subject, what the admitted events of this request make of its profile. */
  private readonly grown = new Map<
    string,
    { keys: number; size: number; readonly changed: Map<string, unknown> }
  >();

  /** @param profileOf a subject's profile as it is, or undefined where it has none */
  constructor(private readonly profileOf: (subject: string) => ProfileState | undefined) {}

  /** Why the event's properties cannot be taken; undefined when they can, and then they count for the next. */
  refusalOf({ subject, data }: EventRow): string | undefined {
    if (subject === undefined || typeof data !== 'object' || data === null || Array.isArray(data))
      return undefined;
    const profile = this.profileOf(subject);
    const before = this.grown.get(subject) ?? {
      keys: profile === undefined ? 0 : Object.keys(profile.values).length,
      size: profile === undefined ? 0 : sizeOfProfile(profile),
      changed: new Map<string, unknown>(),
    };
    let { keys, size } = before;
    for (const [key, value] of Object.entries(data as Record<string, unknown>)) {
      const known = before.changed.has(key) ? before.changed.get(key) : valueOf(profile, key);
      keys += Number(value !== null) - Number(known !== null);
      size += sizeOf(key, value) - sizeOf(key, known);
    }
    if (keys > MAX_PROFILE_KEYS && keys > before.keys)
      return `a profile may have ${MAX_PROFILE_KEYS} properties, this one would have ${keys}`;
    if (size > MAX_PROFILE_SIZE && size > before.size)
      return `a profile may take ${MAX_PROFILE_SIZE} characters of JSON, this one would take ${size}`;
    for (const [key, value] of Object.entries(data as Record<string, unknown>))
      before.changed.set(key, value);
    this.grown.set(subject, { keys, size, changed: before.changed });
    return undefined;
  }
}

function valueOf(profile: ProfileState | undefined, key: string): unknown {
  return profile !== undefined && Object.hasOwn(profile.values, key) ? profile.values[key] : null;
}

/**
 * Drops the oldest tombstones beyond what is kept with a profile's values: an event that comes so late that it should have
 * found one sets its property again.
 */
export function dropOldTombstones({ values, times }: ProfileState): void {
  const keys = Object.keys(times);
  const most = Math.max(MAX_PROFILE_KEYS, Object.keys(values).length);
  if (keys.length <= most) return;
  const unset = keys.filter((key) => !Object.hasOwn(values, key));
  unset.sort((left, right) => (times[left] as number) - (times[right] as number));
  for (const key of unset.slice(0, keys.length - most)) delete times[key];
}
