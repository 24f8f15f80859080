import { join } from 'node:path';
import {
  createEligibilityActivities,
  type AppliedResult,
  type EligibilityActivities,
} from '../../../src/activities/eligibility/apply-batch.js';
import type { BatchRef, DecisionRow, EventRow, InputStream } from '../../../src/event.js';
import { compileRules } from '../../../src/rules/compile.js';
import type { CompiledRules } from '../../../src/rules/compiled.js';
import type { BatchStore } from '../../../src/stores/batch-store/batch-store.js';
import { createFileBatchStore } from '../../../src/stores/batch-store/file.js';
import { openLmdbStateStore } from '../../../src/stores/state/lmdb.js';
import type { StateStore } from '../../../src/stores/state/state-store.js';
import { parseTenantConfig } from '../../../src/tenant-config/parse.js';

/** Batch ids begin with the day they were planned: marks of days long past are dropped. */
export const DAY = new Date().toISOString().slice(0, 10);

/** The id of the `n`th batch that a room writes, counted from 1. */
export function batchIdOf(n: number): string {
  return `${DAY.replaceAll('-', '')}-0123abcd-${String(n).padStart(9, '0')}`;
}

/** A tenant whose rule `third` needs an aggregate, and whose rule `big` needs a profile. */
const CONFIG = {
  tenant: 'UA',
  aggregates: { landings: { on: ['landed'], op: 'count', window: '24h' } },
  rules: [
    { name: 'third', on: ['landed'], when: 'aggregates.landings >= 3' },
    { name: 'big', on: ['landed', 'parked'], when: 'profile.seats >= 180' },
  ],
};

/** The compiled rules of {@link CONFIG}, with what `more` puts in place of parts of it. */
export function rulesOf(more: object = {}): CompiledRules {
  return compileRules(parseTenantConfig(JSON.stringify({ ...CONFIG, ...more }), 'UA.yaml'));
}

/** The room's activities over real stores in a directory, and what tests look at. */
export interface Room {
  readonly activities: EligibilityActivities;
  readonly batchStore: BatchStore;
  readonly state: StateStore;
  readonly root: string;
  /** What the activities are told of the tenant's rules; tests change it. */
  rules: CompiledRules;
  /** The activities with stores that a test has wrapped. */
  wrapped(stores: { batchStore?: BatchStore; state?: StateStore }): EligibilityActivities;
  write(rows: readonly EventRow[], stream?: InputStream): Promise<BatchRef>;
  decisionsOf(result: AppliedResult): Promise<DecisionRow[]>;
}

/** Opens a room; its state is to be closed by the test. */
export function openRoom(dir: string): Room {
  const batchStore = createFileBatchStore(join(dir, 'batches'));
  const state = openLmdbStateStore(join(dir, 'state'));
  let written = 0;
  const wrapped: Room['wrapped'] = (stores) =>
    createEligibilityActivities({ batchStore, state, rulesOf: () => room.rules, ...stores });
  const room: Room = {
    ...{ batchStore, state, wrapped, root: join(dir, 'batches'), rules: rulesOf() },
    activities: wrapped({}),
    write: (rows, stream = 'events') => {
      written += 1;
      const batchId = batchIdOf(written);
      const ndjson = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
      return batchStore.write({ tenant: 'UA', stream, batchId }, Buffer.from(ndjson), rows.length);
    },
    decisionsOf: async ({ decisions }) => {
      if (decisions === undefined) return [];
      const lines = (await batchStore.read(decisions)).toString('utf8').trimEnd().split('\n');
      return lines.map((line) => JSON.parse(line) as DecisionRow);
    },
  };
  return room;
}

/** One event; `minute` sets its time, `more` whatever else. */
export function event(id: string, minute: number, more: Partial<EventRow> = {}): EventRow {
  return {
    ...{ specversion: '1.0', id, source: '/airports/EWR', type: 'landed', subject: 'N1' },
    time: new Date(Date.UTC(2024, 2, 10, 12, minute)).toISOString(),
    received_at: '2024-03-10T13:00:00.000Z',
    data: {},
    ...more,
  } as EventRow;
}
