import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DecisionRow } from '../../../src/event.js';
import type { BatchStore } from '../../../src/stores/batch-store/batch-store.js';
import type { StateStore, SubjectRecord } from '../../../src/stores/state/state-store.js';
import { useTempDir } from '../../support/temp-dir.js';
import { batchIdOf, DAY, event, openRoom, rulesOf, type Room } from './fixture.js';

/** The store with one call that breaks: before it has done its work, or after, when only its answer is lost. */
function breaking<T extends object>(store: T, name: keyof T, when: 'before' | 'after'): T {
  return new Proxy(store, {
    get: (target, key) => {
      const member: unknown = Reflect.get(target, key);
      if (key !== name || typeof member !== 'function') return member;
      return async (...args: unknown[]) => {
        if (when === 'after') await (member as (...all: unknown[]) => Promise<unknown>).apply(target, args);
        throw new Error(`the process dies ${when} ${String(name)}`);
      };
    },
  });
}

const EVENTS = [event('e1', 1), event('e2', 2), event('e3', 3), event('e4', 4, { subject: 'N2' })];

describe('the activity applyBatch, tried again', () => {
  const dir = useTempDir();
  let room: Room;

  beforeEach(() => {
    room = openRoom(dir());
  });
  afterEach(() => room.state.close());

  const BREAKS: [string, (from: Room) => { batchStore?: BatchStore; state?: StateStore }][] = [
    ['reading', ({ batchStore }) => ({ batchStore: breaking(batchStore, 'read', 'after') })],
    ['staging', ({ batchStore }) => ({ batchStore: breaking(batchStore, 'stage', 'before') })],
    ['having staged', ({ batchStore }) => ({ batchStore: breaking(batchStore, 'stage', 'after') })],
    ['committing', ({ state }) => ({ state: breaking(state, 'commit', 'before') })],
    ['having committed', ({ state }) => ({ state: breaking(state, 'commit', 'after') })],
    ['publishing', ({ batchStore }) => ({ batchStore: breaking(batchStore, 'publish', 'before') })],
    ['having published', ({ batchStore }) => ({ batchStore: breaking(batchStore, 'publish', 'after') })],
  ];

  /** All that a batch leaves behind. */
  async function effects(): Promise<{
    revision: number;
    subjects: (SubjectRecord | undefined)[];
    decisions: DecisionRow[];
    files: string[];
  }> {
    const { state, batchStore, root } = room;
    const batchId = batchIdOf(1);
    const staged = state.applied('UA', batchId)?.decisions;
    assert.ok(staged !== undefined);
    const decisions = await room.decisionsOf({
      ...{ evaluated: 0, eligible: {}, decisions: { ...staged, stream: 'decisions' } },
    });
    const files = readdirSync(join(root, 'UA', 'decisions', DAY));
    assert.ok(
      batchStore.pathOf({ tenant: 'UA', stream: 'decisions', batchId }).endsWith(`${batchId}.ndjson.gz`),
    );
    const subjects = ['N1', 'N2'].map((subject) => state.subject('UA', subject));
    return {
      ...{ revision: state.revision('UA', 'events'), subjects, decisions },
      files: files.filter((name) => !name.startsWith('.')),
    };
  }

  for (const [moment, stores] of BREAKS) {
    it(`after the process died ${moment}, does once what it does`, async () => {
      const batch = await room.write(EVENTS);
      await assert.rejects(room.wrapped(stores(room)).applyBatch(batch), /the process dies/);
      const result = await room.activities.applyBatch(batch);
      assert.deepEqual([result.evaluated, result.eligible], [8, { third: 1 }]);
      const once = await effects();
      assert.deepEqual([once.revision, once.decisions.length, once.files.length], [1, 8, 1]);
      assert.equal(once.subjects[0]?.state.aggregates.landings?.times.length, 3);
      assert.deepEqual(await room.activities.applyBatch(batch), result);
      assert.deepEqual(await effects(), once);
    });
  }

  it('decides by the rules of the attempt that is committed', async () => {
    const batch = await room.write(EVENTS);
    const dying = room.wrapped({ state: breaking(room.state, 'commit', 'before') });
    await assert.rejects(dying.applyBatch(batch), /the process dies/);
    room.rules = rulesOf({ rules: [{ name: 'any', on: ['landed'], when: 'true' }] });
    const result = await room.activities.applyBatch(batch);
    assert.deepEqual(result.eligible, { any: 4 });
    assert.deepEqual(
      (await room.decisionsOf(result)).map(({ rule }) => rule),
      ['any', 'any', 'any', 'any'],
    );
  });

  it('has one effect when two attempts run at once, and leaves no file of the other', async () => {
    const batch = await room.write(EVENTS);
    const [one, other] = await Promise.all([
      room.activities.applyBatch(batch),
      room.activities.applyBatch(batch),
    ]);
    assert.deepEqual(one, other);
    assert.equal((await effects()).revision, 1);
    assert.equal(readdirSync(join(room.root, 'UA', 'decisions', DAY)).length, 1);
  });

  it('is told to try again when another batch of the lane was applied meanwhile, and then counts both', async () => {
    const [one, other] = [await room.write(EVENTS.slice(0, 2)), await room.write(EVENTS.slice(2))];
    const settled = await Promise.allSettled([one, other].map((batch) => room.activities.applyBatch(batch)));
    const failed = settled.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []));
    assert.deepEqual(
      failed.map((error) => [(error as { code: string }).code, (error as { retryable: boolean }).retryable]),
      [['STATE_CONFLICT', true]],
    );
    await room.activities.applyBatch(one);
    await room.activities.applyBatch(other);
    assert.equal(room.state.subject('UA', 'N1')?.state.aggregates.landings?.times.length, 3);
    assert.equal(room.state.revision('UA', 'events'), 2);
  });

  it('lets user properties and events of a tenant be applied at once', async () => {
    const [properties, events] = [
      await room.write([event('p1', 0, { data: { seats: 200 } })], 'user-properties'),
      await room.write(EVENTS),
    ];
    await Promise.all([properties, events].map((batch) => room.activities.applyBatch(batch)));
    const revisions = [room.state.revision('UA', 'user-properties'), room.state.revision('UA', 'events')];
    assert.deepEqual(revisions, [1, 1]);
  });
});
