import type { EventRow } from '../events/event.js';
import { mergeSubjectOf } from '../events/subject.js';
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

/** How large a profile is. */
export interface Extent {
  /** Properties that are set. */
  readonly keys: number;
  /** In UTF-16 code units of its JSON. */
  readonly size: number;
}

/** How large a profile is now; nothing where there is none. */
export function extentOf(profile: ProfileState | undefined): Extent {
  if (profile === undefined) return { keys: 0, size: 0 };
  return { keys: Object.keys(profile.values).length, size: sizeOfProfile(profile) };
}

/** How large it becomes by a change of one property; null stands for one that is not set. */
export function extentAfter({ keys, size }: Extent, key: string, before: unknown, after: unknown): Extent {
  return {
    keys: keys + Number(after !== null) - Number(before !== null),
    size: size + sizeOf(key, after) - sizeOf(key, before),
  };
}

/** True where a profile would be larger than it may be, and larger than before. */
export function isTooLarge(after: Extent, before: Extent): boolean {
  return hasTooMany(after, before) || takesTooMuch(after, before);
}

function hasTooMany({ keys }: Extent, before: Extent): boolean {
  return keys > MAX_PROFILE_KEYS && keys > before.keys;
}

function takesTooMuch({ size }: Extent, before: Extent): boolean {
  return size > MAX_PROFILE_SIZE && size > before.size;
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

/** Whose profile an event changes: its subject's, or that of the one whom its subject is merged into. */
export interface ProfileHolder {
  readonly subject: string;
  /** As it is; absent where there is none. */
  readonly profile?: ProfileState;
}

/** What the admitted events of a request make of a profile. */
interface Growth {
  extent: Extent;
  readonly changed: Map<string, unknown>;
}

/**
 * Says which of a request's user properties do not fit into their profiles. A profile that is larger than it may be, of an
 * earlier version, can be read and get smaller; what would make it grow is refused.
 */
export class ProfileLimits {
  /** By subject. */
  private readonly grown = new Map<string, Growth>();
  /** What the admitted events merge, and into whom. */
  private readonly merged = new Map<string, string>();

  constructor(private readonly holderOf: (subject: string) => ProfileHolder) {}

  /** Why the event's properties cannot be taken; undefined when they can, and then they count for the next. */
  refusalOf(event: EventRow): string | undefined {
    const { subject, data } = event;
    if (subject === undefined || typeof data !== 'object' || data === null || Array.isArray(data))
      return undefined;
    const holder = this.holderNow(subject);
    const growth = this.growthOf(holder);
    const before = growth.extent;
    let after = before;
    for (const [key, value] of Object.entries(data as Record<string, unknown>))
      after = extentAfter(after, key, valueIn(holder, growth, key), value);
    if (hasTooMany(after, before))
      return `a profile may have ${MAX_PROFILE_KEYS} properties, this one would have ${after.keys}`;
    if (takesTooMuch(after, before))
      return `a profile may take ${MAX_PROFILE_SIZE} characters of JSON, this one would take ${after.size}`;
    for (const [key, value] of Object.entries(data as Record<string, unknown>))
      growth.changed.set(key, value);
    growth.extent = after;
    this.grown.set(holder.subject, growth);
    const merged = mergeSubjectOf(event);
    if (merged !== undefined) this.noteMerge(merged, holder, growth);
    return undefined;
  }

  /** What is merged may take as much as this: which value wins is decided later. */
  private noteMerge(merged: string, holder: ProfileHolder, growth: Growth): void {
    const other = this.holderNow(merged);
    if (other.subject !== merged || merged === holder.subject) return;
    this.merged.set(merged, holder.subject);
    const theirs = new Map(Object.entries(other.profile?.values ?? {}));
    for (const [key, value] of this.grown.get(merged)?.changed ?? []) theirs.set(key, value);
    for (const [key, value] of theirs) {
      const known = valueIn(holder, growth, key);
      const after = extentAfter(growth.extent, key, known, value);
      if (value === null || after.size <= growth.extent.size || isTooLarge(after, growth.extent)) continue;
      growth.extent = after;
      growth.changed.set(key, value);
    }
  }

  private growthOf({ subject, profile }: ProfileHolder): Growth {
    return this.grown.get(subject) ?? { extent: extentOf(profile), changed: new Map() };
  }

  private holderNow(subject: string): ProfileHolder {
    let holder = this.holderOf(subject);
    for (let into = this.merged.get(holder.subject); into !== undefined; into = this.merged.get(into))
      holder = this.holderOf(into);
    return holder;
  }
}

function valueIn({ profile }: ProfileHolder, { changed }: Growth, key: string): unknown {
  return changed.has(key) ? changed.get(key) : valueOf(profile, key);
}

/** A property as it is; null where it is not set. */
export function valueOf(profile: ProfileState | undefined, key: string): unknown {
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
