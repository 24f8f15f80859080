import { type Database } from 'lmdb';
import { faultPoint } from '../../fault-point.js';
import { openLmdb, type LmdbEnvironment } from '../../lmdb-environment.js';
import { assertTenantId } from '../../tenant.js';
import type { Checkpoint, StateStore, SubjectRecord } from './state-store.js';

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
  const lmdb = openLmdb(directory, { encoding: 'json' });
  const { root } = lmdb;
  const tables: Tables = {
    lmdb,
    subjects: root.openDB<string, string>({ name: 'subjects', encoding: 'string' }),
    watermarks: root.openDB<number, string>({ name: 'watermarks', encoding: 'json' }),
  };
  const subjectNow = (tenant: string, subject: string): SubjectRecord | undefined => {
    const json = tables.subjects.get(subjectKey(tenant, subject));
    return json === undefined ? undefined : (JSON.parse(json) as SubjectRecord);
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
    close: () => lmdb.close(),
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

function subjectKey(tenant: string, subject: string): string {
  return `${assertTenantId(tenant)}/${subject}`;
}
