import type { Database } from 'lmdb';
import { faultPoint } from '../../platform/fault-point.js';
import { openLmdb, type LmdbEnvironment } from '../../platform/lmdb-environment.js';
import { assertTenantId } from '../../tenants/ids.js';
import { readRecord } from './read-record.js';
import type { Checkpoint, StateStore, SubjectRecord, SubjectSnapshot } from './state-store.js';

/** Subjects that {@link LmdbState.subjects} gives, or that are forgotten, at once. */
const AT_ONCE = 1_000;

interface Tables {
  readonly lmdb: LmdbEnvironment;
  /** Subjects as JSON, by `<tenant>/<subject>`; a tenant id has no slash. */
  readonly subjects: Database<string, string>;
  readonly watermarks: Database<number, string>;
}

/**
 * The state store on LMDB in `directory`. One process at a time writes it: the one that holds the spool beside it.
 * Subjects are JSON, not msgpack: profiles hold whatever keys producers choose, and msgpackr fails on `toJSON` and
 * renames `__proto__`.
 */
export function openLmdbStateStore(directory: string): StateStore {
  const tables = openTables(directory);
  const { lmdb } = tables;
  const subjectNow = (tenant: string, subject: string): SubjectRecord | undefined => {
    const json = tables.subjects.get(subjectKey(tenant, subject));
    return json === undefined ? undefined : readRecord(json);
  };
  return {
    watermark: (tenant) => tables.watermarks.get(assertTenantId(tenant)) ?? 0,
    highestWatermark: () => {
      let highest = 0;
      for (const { value } of tables.watermarks.getRange()) highest = Math.max(highest, value);
      return highest;
    },
    subjectNow,
    subjects: async (names) => names.map(({ tenant, subject }) => subjectNow(tenant, subject)),
    // A write that fails is undone before it is said to have failed.
    resync: () => Promise.resolve(),
    checkpoint: (checkpoint) => write(tables, checkpoint),
    forgetTenant: (tenant) => forget(tables, tenant),
    close: () => lmdb.close(),
  };
}

/** All that a state on LMDB holds, to be taken elsewhere. */
export interface LmdbState {
  readonly watermarks: ReadonlyMap<string, number>;
  /** Every subject, some at a time. */
  subjects(): Iterable<readonly SubjectSnapshot[]>;
  close(): Promise<void>;
}

/** Opens the state in `directory` for reading. Nobody may write it meanwhile. */
export function readLmdbState(directory: string): LmdbState {
  const { lmdb, subjects, watermarks } = openTables(directory);
  return {
    watermarks: new Map([...watermarks.getRange()].map(({ key, value }) => [key, value])),
    subjects: function* () {
      let some: SubjectSnapshot[] = [];
      for (const { key, value: json } of subjects.getRange()) {
        const slash = key.indexOf('/');
        some.push({ tenant: key.slice(0, slash), subject: key.slice(slash + 1), json });
        if (some.length < AT_ONCE) continue;
        yield some;
        some = [];
      }
      if (some.length > 0) yield some;
    },
    close: () => lmdb.close(),
  };
}

function openTables(directory: string): Tables {
  const lmdb = openLmdb(directory, { encoding: 'json' });
  return {
    lmdb,
    subjects: lmdb.root.openDB<string, string>({ name: 'subjects', encoding: 'string' }),
    watermarks: lmdb.root.openDB<number, string>({ name: 'watermarks', encoding: 'json' }),
  };
}

async function write({ lmdb, subjects, watermarks }: Tables, checkpoint: Checkpoint): Promise<void> {
  faultPoint('checkpoint.before');
  const sorted = checkpoint.subjects
    .map(({ tenant, subject, json }) => ({ key: subjectKey(tenant, subject), json }))
    // In key order neighbours share a page, which is then written once.
    .sort((left, right) => (left.key < right.key ? -1 : 1));
  // Before the batch: lmdb would keep what was put until one of them throws.
  const marks = [...checkpoint.watermarks].map(([tenant, seq]) => [assertTenantId(tenant), seq] as const);
  const write = (): Promise<unknown> =>
    lmdb.root.batch(() => {
      for (const { key, json } of sorted) void subjects.put(key, json);
      for (const [tenant, seq] of marks) void watermarks.put(tenant, seq);
    });
  const bytes = sorted.reduce((sum, { key, json }) => sum + key.length + json.length, 0);
  await lmdb.flushed(write, { records: sorted.length + marks.length, bytes });
  faultPoint('checkpoint.after');
}

async function forget({ lmdb, subjects, watermarks }: Tables, tenant: string): Promise<number> {
  // Every key of the tenant lies between these: 0 comes right after the slash.
  const range = { start: subjectKey(tenant, ''), end: `${tenant}0`, limit: AT_ONCE };
  for (let forgotten = 0; ;) {
    const keys = [...subjects.getKeys(range)];
    forgotten += keys.length;
    if (keys.length === 0) {
      await lmdb.flushed(() => watermarks.remove(tenant));
      return forgotten;
    }
    await lmdb.committed(() =>
      lmdb.root.batch(() => {
        for (const key of keys) void subjects.remove(key);
      }),
    );
  }
}

function subjectKey(tenant: string, subject: string): string {
  return `${assertTenantId(tenant)}/${subject}`;
}
