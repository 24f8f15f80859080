import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Subjects } from '../../src/eligibility/subjects.js';
import { openLmdbStateStore } from '../../src/stores/state/lmdb.js';
import type { StateStore, SubjectRecord, SubjectSnapshot } from '../../src/stores/state/state-store.js';
import { useTempDir } from '../support/temp-dir.js';

const MB = 1024 ** 2;
/** More than the snapshots that are taken in one turn. */
const SUBJECTS = 250;

const TENANTS = ['UA', 'DL'];

const nextTurn = (): Promise<void> => new Promise(setImmediate);

describe('subjects in memory', () => {
  const dir = useTempDir();
  let store: StateStore;
  let tenants = 0;

  beforeEach(() => {
    store = openLmdbStateStore(dir());
  });
  afterEach(() => store.close());

  function set(record: SubjectRecord, n: number): void {
    record.profile = { values: { n }, times: {} };
  }

  const numberOf = (record: SubjectRecord | undefined): unknown => record?.profile?.values.n;

  async function keep(subjects: Subjects, snapshots: readonly SubjectSnapshot[]): Promise<void> {
    await store.checkpoint({ subjects: snapshots, watermarks: new Map() });
    subjects.kept();
  }

  it('are read through to the store, and changed in place', async () => {
    const subjects = new Subjects(store);
    assert.equal(subjects.peek('UA', 's1'), undefined);
    set(subjects.change('UA', 's1'), 1);
    assert.equal(numberOf(subjects.peek('UA', 's1')), 1);
    assert.equal(store.subject('UA', 's1'), undefined, 'written in checkpoints alone');
    await keep(subjects, await subjects.takeSnapshots(TENANTS, nextTurn));
    assert.equal(numberOf(store.subject('UA', 's1')), 1);
    assert.equal(numberOf(new Subjects(store).change('UA', 's1')), 1);
  });

  it('are not made by looking at them', async () => {
    const subjects = new Subjects(store);
    subjects.peek('UA', 's1');
    assert.equal(subjects.changed, 0);
    assert.deepEqual(await subjects.takeSnapshots(TENANTS, nextTurn), []);
  });

  it('of tenants do not mix, whatever they are called', async () => {
    const subjects = new Subjects(store);
    const names: [string, string][] = [
      ['UA', 's1'],
      ['DL', 's1'],
      ['UA', 'DL/s1'],
      ['UA', ''],
    ];
    for (const [n, [tenant, subject]] of names.entries()) set(subjects.change(tenant, subject), n);
    await keep(subjects, await subjects.takeSnapshots(TENANTS, nextTurn));
    for (const [n, [tenant, subject]] of names.entries()) {
      assert.equal(numberOf(subjects.peek(tenant, subject)), n);
      assert.equal(numberOf(store.subject(tenant, subject)), n);
    }
  });

  it('are snapshotted for the tenants asked for, and kept for the others', async () => {
    const subjects = new Subjects(store);
    for (const tenant of TENANTS)
      for (const subject of ['s1', 's2']) set(subjects.change(tenant, subject), 1);
    assert.deepEqual([subjects.changed, subjects.changedOf('UA'), subjects.changedOf('AA')], [4, 2, 0]);
    const snapshots = await subjects.takeSnapshots(['UA', 'AA'], nextTurn);
    assert.deepEqual(
      snapshots.map(({ tenant, subject }) => `${tenant}/${subject}`),
      ['UA/s1', 'UA/s2'],
    );
    assert.deepEqual([subjects.changed, subjects.changedOf('UA'), subjects.changedOf('DL')], [2, 0, 2]);
    set(subjects.change('UA', 's1'), 2);
    subjects.notKept();
    assert.deepEqual([subjects.changed, subjects.changedOf('UA')], [4, 2], 'each is counted once');
    await keep(subjects, await subjects.takeSnapshots(TENANTS, nextTurn));
    assert.deepEqual(
      TENANTS.map((tenant) => numberOf(store.subject(tenant, 's1'))),
      [2, 1],
    );
    assert.equal(subjects.changed, 0);
  });

  it('are given up to the last checkpoint by a reset', async () => {
    const subjects = new Subjects(store);
    set(subjects.change('UA', 's1'), 1);
    await keep(subjects, await subjects.takeSnapshots(TENANTS, nextTurn));
    set(subjects.change('UA', 's1'), 2);
    set(subjects.change('UA', 's2'), 2);
    subjects.reset();
    assert.deepEqual([numberOf(subjects.peek('UA', 's1')), subjects.peek('UA', 's2')], [1, undefined]);
    assert.deepEqual([subjects.changed, await subjects.takeSnapshots(TENANTS, nextTurn)], [0, []]);
  });

  it('that are large leave memory as those do that are many', async () => {
    let reads = 0;
    const counted: Pick<StateStore, 'subject'> = {
      subject: (tenant, subject) => {
        reads += 1;
        return store.subject(tenant, subject);
      },
    };
    const subjects = new Subjects(counted, { maxCachedBytes: 10 * MB });
    const large = 'x'.repeat(MB);
    for (let n = 0; n < 10; n++) {
      subjects.change('UA', `s${n}`).profile = { values: { n, large }, times: {} };
      await keep(subjects, await subjects.takeSnapshots(TENANTS, nextTurn));
    }
    reads = 0;
    // Three times the JSON: three of them fit.
    for (let n = 0; n < 10; n++) assert.equal(numberOf(subjects.peek('UA', `s${n}`)), n);
    assert.equal(reads, 7);
  });

  /** Changes of subjects, by number; what is in memory is what these say. */
  const changes = fc.array(fc.nat(SUBJECTS - 1), { maxLength: 300 });
  const checkpoint = fc.record({
    /** Enough that their snapshots take several turns. */
    before: fc.array(fc.nat(SUBJECTS - 1), { minLength: 300, maxLength: 400 }),
    /** Changes in each turn between slices of snapshots. */
    during: fc.array(changes, { maxLength: 4 }),
    after: changes,
    kept: fc.boolean(),
  });

  it('are snapshotted as they were when the checkpoint began, whatever changes, fails and is evicted', async function () {
    this.timeout(30_000);
    await fc.assert(
      fc.asyncProperty(
        fc.array(checkpoint, { maxLength: 5 }),
        fc.constantFrom(2_000, 100_000, MB),
        async (checkpoints, maxBytes) => {
          const tenant = `t${++tenants}`;
          const subjects = new Subjects(store, { maxCachedBytes: maxBytes, snapshotsPerTurn: 100 });
          const memory = new Map<string, number>();
          let durable = new Map<string, number>();
          let n = 0;
          const change = (numbers: readonly number[]): void => {
            for (const each of numbers) {
              const subject = `s${each}`;
              const record = subjects.change(tenant, subject);
              assert.equal(numberOf(record), memory.get(subject), 'no change is lost');
              set(record, ++n);
              memory.set(subject, n);
            }
          };
          for (const { before, during, after, kept } of checkpoints) {
            change(before);
            const cut = new Map(memory);
            const turns = during.values();
            const snapshots = await subjects.takeSnapshots([tenant], async () => {
              await nextTurn();
              change(turns.next().value ?? []);
            });
            change(after);
            assert.equal(new Set(snapshots.map(({ subject }) => subject)).size, snapshots.length);
            if (kept) await keep(subjects, snapshots);
            else subjects.notKept();
            if (kept) durable = cut;
            for (const [subject, expected] of durable)
              assert.equal(numberOf(store.subject(tenant, subject)), expected, 'the cut, and nothing after');
            for (const [subject, expected] of memory)
              assert.equal(numberOf(subjects.peek(tenant, subject)), expected);
          }
          await keep(subjects, await subjects.takeSnapshots([tenant], nextTurn));
          assert.equal(subjects.changed, 0);
          for (const [subject, expected] of memory)
            assert.equal(numberOf(store.subject(tenant, subject)), expected);
        },
      ),
      { numRuns: 60 },
    );
  });
});
