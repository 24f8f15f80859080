import { LRUCache } from 'lru-cache';
import { lengthWhenRead } from '../stores/state/read-record.js';
import type { StateStore, SubjectRecord, SubjectSnapshot } from '../stores/state/state-store.js';
import { newSubjectRecord } from './decide-chunk.js';
import { canonicalOf, MOST_STEPS, type CanonicalSubject } from './merge-subjects.js';
import { ReadAhead, type Pin } from './read-ahead.js';

/** Memory for subjects that have not changed lately; those that have are held in any case until the next checkpoint. */
const MAX_CACHED_BYTES = 64 * 1024 * 1024;
/** A record in memory takes about this many times its JSON, and this much besides. */
const MEMORY_PER_JSON = 3;
const ENTRY_BYTES = 600;
/**
 * Snapshots taken between two turns of the event loop: some milliseconds, which only a tenant with many changes fills.
 * With far fewer, a loop that is busy would take them more slowly than subjects change.
 */
const SNAPSHOTS_PER_TURN = 2_000;
/** Of large subjects it is their JSON that takes time: a megabyte takes some milliseconds. */
const SNAPSHOT_CHARS_PER_TURN = 1_000_000;

/** A subject that has changed counts as one, and as one more for each of these of its JSON: it is memory that is short. */
const CHARS_PER_COUNT = 4_096;

/**
 * A subject in memory. States: clean (as in the store) → dirty (changed since the last checkpoint) → pending (its
 * snapshot for the checkpoint under way is yet to be taken; a change takes it first) → clean or dirty.
 */
interface Entry {
  readonly key: string;
  readonly tenant: string;
  readonly subject: string;
  readonly record: SubjectRecord;
  /** Length of its JSON when it was last read or written. */
  jsonLength: number;
  dirty: boolean;
  pending: boolean;
}

/** What has changed of a tenant since its last checkpoint began. */
interface Changes {
  readonly entries: Map<string, Entry>;
  count: number;
}

/** Memory and pace of {@link Subjects}. */
export interface SubjectsOptions {
  /** Memory for subjects that have not changed lately. Default 64 MB; less reads more from the store. */
  readonly maxCachedBytes?: number;
  /** Snapshots taken between two turns of the event loop. Default 2,000. */
  readonly snapshotsPerTurn?: number;
}

/**
 * Subjects in memory over a state store: reads through it, and writes in checkpoints. From a store that takes a round trip
 * they are read ahead, see {@link Subjects.whenRead}.
 */
export class Subjects {
  private readonly cache: LRUCache<string, Entry>;
  /** Undefined where the store is read through. */
  private readonly ahead: ReadAhead | undefined;
  /** By tenant; entries by key. */
  private readonly dirty = new Map<string, Changes>();
  private dirtyCount = 0;
  private pending = new Map<string, Entry>();
  private snapshots: SubjectSnapshot[] = [];

  constructor(
    private readonly store: Pick<StateStore, 'subjectNow' | 'subjects'>,
    private readonly options: SubjectsOptions = {},
  ) {
    this.ahead = store.subjectNow === undefined ? new ReadAhead(store) : undefined;
    this.cache = new LRUCache({
      maxSize: options.maxCachedBytes ?? MAX_CACHED_BYTES,
      sizeCalculation: ({ jsonLength, key }) => ENTRY_BYTES + key.length + MEMORY_PER_JSON * jsonLength,
    });
  }

  /** Nothing is read ahead: the store is read where it is needed, without waiting. */
  get readThrough(): boolean {
    return this.ahead === undefined;
  }

  /** Subjects that have changed since their tenant's last checkpoint began; one of 8 KB, say, counts as three. */
  get changed(): number {
    return this.dirtyCount;
  }

  /** Tenants that they are of. */
  get changedTenants(): number {
    return this.dirty.size;
  }

  /** Those of one tenant. */
  changedOf(tenant: string): number {
    return this.dirty.get(tenant)?.count ?? 0;
  }

  /**
   * Calls `work` in a turn in which memory has what it changes: at once if that is so now, as always where the store is read
   * through. Until then it is kept in memory, and so it is while `work` runs.
   * @param namesOf the subjects, asked again after every wait, since what they depend on may have changed meanwhile; those
   *   that they are merged into are read as well
   * @throws HeadgateError of `work`; as a rejection also `STATE_UNAVAILABLE` (retryable)
   */
  whenRead<T>(tenant: string, namesOf: () => Iterable<string>, work: () => T): T | Promise<T> {
    if (this.ahead === undefined || this.hasAll(tenant, namesOf())) return work();
    return this.readThen(this.ahead, tenant, namesOf, work);
  }

  /** A subject's record to look at, or undefined if nothing is known of it. */
  async peek(tenant: string, subject: string): Promise<SubjectRecord | undefined> {
    return this.whenRead(
      tenant,
      () => [subject],
      () => this.known(tenant, keyOf(tenant, subject), subject),
    );
  }

  /** The same of the subject that has its state, see {@link canonicalOf}. */
  async peekCanonical(tenant: string, subject: string): Promise<CanonicalSubject<SubjectRecord | undefined>> {
    const look = () => canonicalOf(subject, (name) => this.now(tenant, name));
    return this.whenRead(tenant, () => [subject], look);
  }

  /** A subject's record as it is now, to look at; where subjects are read ahead, only from within {@link Subjects.whenRead}. */
  now(tenant: string, subject: string): SubjectRecord | undefined {
    return this.known(tenant, keyOf(tenant, subject), subject);
  }

  /**
   * A subject's record to change in place, at once: one who keeps it past this turn may change what a checkpoint writes.
   * Where subjects are read ahead, only from within {@link Subjects.whenRead}.
   */
  change(tenant: string, subject: string): SubjectRecord {
    const key = keyOf(tenant, subject);
    const entry = this.held(tenant, key) ?? this.load(key, tenant, subject);
    if (entry.pending) this.snapshot(entry);
    if (!entry.dirty) this.soil(entry);
    return entry.record;
  }

  /**
   * Takes what has changed of these tenants, as it is now, in slices between which changes go on.
   * To be followed by {@link Subjects.kept} or {@link Subjects.notKept} before the next.
   */
  async takeSnapshots(
    tenants: Iterable<string>,
    nextTurn: () => Promise<unknown>,
  ): Promise<readonly SubjectSnapshot[]> {
    this.snapshots = [];
    for (const tenant of tenants) this.moveToPending(tenant);
    const perTurn = this.options.snapshotsPerTurn ?? SNAPSHOTS_PER_TURN;
    let [taken, chars] = [0, 0];
    for (const entry of this.pending.values()) {
      if (!entry.pending) continue;
      this.snapshot(entry);
      chars += entry.jsonLength;
      if (++taken < perTurn && chars < SNAPSHOT_CHARS_PER_TURN) continue;
      [taken, chars] = [0, 0];
      await nextTurn();
    }
    return this.snapshots;
  }

  /** The snapshots are on disk. */
  kept(): void {
    for (const entry of this.pending.values()) {
      // Setting what is there already would leave its size as it was.
      this.cache.delete(entry.key);
      this.cache.set(entry.key, entry);
    }
    this.pending = new Map();
    this.snapshots = [];
  }

  /** The snapshots could not be written: they belong to the next checkpoint. */
  notKept(): void {
    for (const entry of this.pending.values()) {
      entry.pending = false;
      if (!entry.dirty) this.soil(entry);
    }
    this.pending = new Map();
    this.snapshots = [];
  }

  /** Forgets everything that is not in the store. Not to be called while a checkpoint is under way. */
  reset(): void {
    this.ahead?.reset();
    this.cache.clear();
    this.dirty.clear();
    this.dirtyCount = 0;
  }

  private held(tenant: string, key: string): Entry | undefined {
    return this.cache.get(key) ?? this.dirty.get(tenant)?.entries.get(key) ?? this.pending.get(key);
  }

  private soil(entry: Entry): void {
    let changes = this.dirty.get(entry.tenant);
    if (changes === undefined) this.dirty.set(entry.tenant, (changes = { entries: new Map(), count: 0 }));
    const count = 1 + Math.floor(entry.jsonLength / CHARS_PER_COUNT);
    changes.entries.set(entry.key, entry);
    changes.count += count;
    this.dirtyCount += count;
    entry.dirty = true;
  }

  private moveToPending(tenant: string): void {
    const changes = this.dirty.get(tenant);
    if (changes === undefined) return;
    for (const [key, entry] of changes.entries) {
      entry.pending = true;
      entry.dirty = false;
      this.pending.set(key, entry);
    }
    this.dirty.delete(tenant);
    this.dirtyCount -= changes.count;
  }

  /** What is known of a subject where it can be had without waiting. */
  private known(tenant: string, key: string, subject: string): SubjectRecord | undefined {
    const held = this.held(tenant, key)?.record;
    if (held !== undefined) return held;
    if (this.ahead === undefined) return this.store.subjectNow?.(tenant, subject);
    const pin = this.ahead.read(key);
    if (pin === undefined) throw new Error('A subject was not read ahead.');
    return pin.record;
  }

  private load(key: string, tenant: string, subject: string): Entry {
    const record = this.known(tenant, key, subject) ?? newSubjectRecord();
    // Others who wait for it must come to the same one, also when it has left the cache by then.
    this.ahead?.found(key, record);
    const jsonLength = lengthWhenRead(record);
    const entry = { key, tenant, subject, record, jsonLength, dirty: false, pending: false };
    this.cache.set(key, entry);
    return entry;
  }

  private hasAll(tenant: string, names: Iterable<string>): boolean {
    for (const subject of this.withCanonical(tenant, names)) {
      const key = keyOf(tenant, subject);
      if (this.held(tenant, key) === undefined && this.ahead?.read(key) === undefined) return false;
    }
    return true;
  }

  /** The subjects and those that they are merged into, as far as memory can tell by the time that they are asked for. */
  private *withCanonical(tenant: string, names: Iterable<string>): Iterable<string> {
    for (const name of names) {
      let next: string | undefined = name;
      for (let steps = 0; next !== undefined && steps <= MOST_STEPS; steps++) {
        yield next;
        const key = keyOf(tenant, next);
        next = (this.held(tenant, key)?.record ?? this.ahead?.read(key)?.record)?.mergedInto;
      }
    }
  }

  private async readThen<T>(
    ahead: ReadAhead,
    tenant: string,
    namesOf: () => Iterable<string>,
    work: () => T,
  ): Promise<T> {
    const pins: Pin[] = [];
    try {
      for (let names = namesOf(); !this.hasAll(tenant, names); names = namesOf()) {
        const reading = new Set<Promise<void>>();
        for (const subject of this.withCanonical(tenant, names)) {
          const key = keyOf(tenant, subject);
          const pin = ahead.hold(key, { tenant, subject }, this.held(tenant, key)?.record);
          pins.push(pin);
          if (pin.reading !== undefined) reading.add(pin.reading);
        }
        await Promise.all(reading);
      }
      return work();
    } finally {
      ahead.release(pins);
    }
  }

  private snapshot(entry: Entry): void {
    const { tenant, subject, record } = entry;
    const json = JSON.stringify(record);
    entry.pending = false;
    entry.jsonLength = json.length;
    this.snapshots.push({ tenant, subject, json });
  }
}

function keyOf(tenant: string, subject: string): string {
  return `${tenant}/${subject}`;
}
