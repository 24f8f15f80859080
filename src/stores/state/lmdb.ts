import type { Database } from 'lmdb';
import { HeadgateError } from '../../errors.js';
import { faultPoint } from '../../fault-point.js';
import { openLmdb } from '../../lmdb-environment.js';
import type { Addition } from '../../lmdb-headroom.js';
import type { ProfileState } from '../../rules/profile.js';
import { assertTenantId, dayOfBatch } from '../../tenant.js';
import type { AppliedBatch, BatchCommit, StateStore, SubjectRecord } from './state-store.js';

/** Marks are kept longer than any workflow can be reset: Temporal's retention is at most 31 days here. */
const KEEP_MARKS_DAYS = 32;
/** Old marks removed per commit: more than one, so that the store shrinks after a busy day. */
const MARKS_PRUNED_PER_COMMIT = 2;
const DAY_MS = 24 * 60 * 60 * 1000;

type Key = [tenant: string, name: string];

interface Tables {
  readonly profiles: Database<ProfileState, Key>;
  readonly subjects: Database<SubjectRecord, Key>;
  readonly marks: Database<AppliedBatch, Key>;
  readonly revisions: Database<number, Key>;
}

/**
 * The state store on LMDB in `directory`, shared by the processes of one machine. Every key begins with the tenant.
 * `commit` resolves once the transaction is flushed, not only committed.
 */
export function openLmdbStateStore(directory: string): StateStore {
  // JSON, not msgpack: profiles hold whatever keys producers choose, and msgpackr fails on `toJSON` and renames `__proto__`.
  const lmdb = openLmdb(directory, { encoding: 'json' });
  const { root } = lmdb;
  const tables: Tables = {
    profiles: root.openDB<ProfileState, Key>({ name: 'profiles', encoding: 'json' }),
    subjects: root.openDB<SubjectRecord, Key>({ name: 'subjects', encoding: 'json' }),
    marks: root.openDB<AppliedBatch, Key>({ name: 'marks', encoding: 'json' }),
    revisions: root.openDB<number, Key>({ name: 'revisions', encoding: 'json' }),
  };
  return {
    applied: (tenant, batchId) => tables.marks.get([assertTenantId(tenant), batchId]),
    revision: (tenant, stream) => tables.revisions.get([assertTenantId(tenant), stream]) ?? 0,
    profile: (tenant, subject) => tables.profiles.get([assertTenantId(tenant), subject]),
    subject: (tenant, subject) => tables.subjects.get([assertTenantId(tenant), subject]),
    commit: async (change) => {
      assertTenantId(change.tenant);
      faultPoint('checkpoint.before');
      const applied = await lmdb.transaction(() => writeOnce(tables, change), additionOf(change));
      faultPoint('checkpoint.after');
      return applied;
    },
    close: () => lmdb.close(),
  };
}

function additionOf({ profiles, subjects, applied }: BatchCommit): Addition {
  const values = [...(profiles?.values() ?? []), ...(subjects?.values() ?? []), applied];
  const bytes = values.reduce((sum, value) => sum + Buffer.byteLength(JSON.stringify(value)), 0);
  return { records: values.length, bytes };
}

/** Runs inside the write transaction: what is read here cannot change before it is written. */
function writeOnce(tables: Tables, change: BatchCommit): AppliedBatch {
  const { tenant, stream, applied } = change;
  const earlier = tables.marks.get([tenant, applied.batchId]);
  if (earlier !== undefined) return earlier;
  const revision = tables.revisions.get([tenant, stream]) ?? 0;
  if (revision !== change.revision) {
    const message = `Another batch of ${tenant}/${stream} was applied at the same time; this one is tried again.`;
    throw new HeadgateError('STATE_CONFLICT', message, { retryable: true });
  }
  for (const [subject, profile] of change.profiles ?? [])
    void tables.profiles.put([tenant, subject], profile);
  for (const [subject, record] of change.subjects ?? []) void tables.subjects.put([tenant, subject], record);
  void tables.marks.put([tenant, applied.batchId], applied);
  void tables.revisions.put([tenant, stream], revision + 1);
  pruneMarks(tables, tenant, applied.batchId);
  return applied;
}

/** Batch ids begin with their day, so the oldest marks of a tenant come first. The one just `written` stays, however old. */
function pruneMarks(tables: Tables, tenant: string, written: string): void {
  const oldestDay = new Date(Date.now() - KEEP_MARKS_DAYS * DAY_MS).toISOString().slice(0, 10);
  const oldest = tables.marks.getKeys({ start: [tenant, ''], limit: MARKS_PRUNED_PER_COMMIT });
  for (const key of [...oldest]) {
    if (key[0] === tenant && key[1] !== written && dayOfBatch(key[1]) < oldestDay)
      void tables.marks.remove(key);
  }
}
