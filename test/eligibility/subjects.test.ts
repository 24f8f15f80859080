import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Subjects } from '../../src/eligibility/subjects.js';
import type { StateStore, SubjectRecord, SubjectSnapshot } from '../../src/stores/state/state-store.js';
import { overStateStores, subjectIn } from '../support/state-stores.js';

const MB = 1024 ** 2;
/** More than the snapshots that are taken in one turn. */
const SUBJECTS = 250;

const TENANTS = ['UA', 'DL'];

const nextTurn = (): Promise<void> => new Promise(setImmediate);

overStateStores('subjects in memory', (kind) => {
  const where = kind.use();
  let store: StateStore;
  let tenants = 0;

  beforeEach(async () => {
    store = await kind.open(where());
  });
  afterEach(() => store.close());

  function set(record: SubjectRecord, n: number): void {
    record.profile = { values: { n }, times: {} };
  }

  /** Changes subjects once they are in memory. */
  async function change(
    subjects: Subjects,
    tenant: string,
    names: readonly string[],
    to: (record: SubjectRecord, subject: string) => void,
  ): Promise<void> {
    const all = (): void => names.forEach((name) => to(subjects.change(tenant, name), name));
    await subjects.whenRead(tenant, () => names, all);
  }

  const numberOf = (record: SubjectRecord | undefined): unknown => record?.profile?.values.n;

  async function keep(subjects: Subjects, snapshots: readonly SubjectSnapshot[]): Promise<void> {
    await store.checkpoint({ subjects: snapshots, watermarks: new Map() });
    subjects.kept();
  }

  it('are read through to the store, and changed in place', async () => {
    const subjects = new Subjects(store);
    assert.equal(await subjects.peek('UA', 's1'), undefined);
    await change(subjects, 'UA', ['s1'], (record) => set(record, 1));
    assert.equal(numberOf(await subjects.peek('UA', 's1')), 1);
    assert.equal(await subjectIn(store, 'UA', 's1'), undefined, 'written in checkpoints alone');
    await keep(subjects, await subjects.takeSnapshots(TENANTS, nextTurn));
    assert.equal(numberOf(await subjectIn(store, 'UA', 's1')), 1);
    await change(new Subjects(store), 'UA', ['s1'], (record) => assert.equal(numberOf(record), 1));
  });

  it('are not made by looking at them', async () => {
    const subjects = new Subjects(store);
    await subjects.peek('UA', 's1');
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
    for (const [n, [tenant, subject]] of names.entries())
      await change(subjects, tenant, [subject], (record) => set(record, n));
    await keep(subjects, await subjects.takeSnapshots(TENANTS, nextTurn));
    for (const [n, [tenant, subject]] of names.entries()) {
      assert.equal(numberOf(await subjects.peek(tenant, subject)), n);
      assert.equal(numberOf(await subjectIn(store, tenant, subject)), n);
    }
  });

  it('are snapshotted in more turns where they are large, a megabyte in each', async () => {
    const subjects = new Subjects(store);
    const names = Array.from({ length: 40 }, (_, n) => `s${n}`);
    await change(subjects, 'UA', names, (record) => {
      record.profile = { values: { text: 'x'.repeat(100_000) }, times: {} };
    });
    let turns = 0;
    const counted = (): Promise<void> => (turns++, nextTurn());
    assert.equal((await subjects.takeSnapshots(TENANTS, counted)).length, names.length);
    assert.equal(turns, 4);
    subjects.notKept();
  });

  it('are snapshotted for the tenants asked for, and kept for the others', async () => {
    const subjects = new Subjects(store);
    for (const tenant of TENANTS) await change(subjects, tenant, ['s1', 's2'], (record) => set(record, 1));
    assert.deepEqual([subjects.changed, subjects.changedOf('UA'), subjects.changedOf('AA')], [4, 2, 0]);
    const snapshots = await subjects.takeSnapshots(['UA', 'AA'], nextTurn);
    assert.deepEqual(
      snapshots.map(({ tenant, subject }) => `${tenant}/${subject}`),
      ['UA/s1', 'UA/s2'],
    );
    assert.deepEqual([subjects.changed, subjects.changedOf('UA'), subjects.changedOf('DL')], [2, 0, 2]);
    await change(subjects, 'UA', ['s1'], (record) => set(record, 2));
    subjects.notKept();
    assert.deepEqual([subjects.changed, subjects.changedOf('UA')], [4, 2], 'each is counted once');
    await keep(subjects, await subjects.takeSnapshots(TENANTS, nextTurn));
    const kept = await store.subjects(TENANTS.map((tenant) => ({ tenant, subject: 's1' })));
    assert.deepEqual(kept.map(numberOf), [2, 1]);
    assert.equal(subjects.changed, 0);
  });

  it('that are large count as several when they have changed, from the first change after they were read', async () => {
    const large = (record: SubjectRecord): void => {
      record.profile = { values: { n: 1, large: 'x'.repeat(40_000) }, times: {} };
    };
    const subjects = new Subjects(store);
    await change(subjects, 'UA', ['s1'], large);
    assert.equal(subjects.changed, 1, 'nobody knows yet');
    await keep(subjects, await subjects.takeSnapshots(TENANTS, nextTurn));
    for (const each of [subjects, new Subjects(store)]) {
      await change(each, 'UA', ['s1'], large);
      await change(each, 'UA', ['s2'], (record) => set(record, 2));
      assert.deepEqual([each.changed, each.changedOf('UA')], [11, 11]);
      await keep(each, await each.takeSnapshots(TENANTS, nextTurn));
      assert.deepEqual([each.changed, each.changedOf('UA')], [0, 0]);
    }
  });

  it('are given up to the last checkpoint by a reset', async () => {
    const subjects = new Subjects(store);
    await change(subjects, 'UA', ['s1'], (record) => set(record, 1));
    await keep(subjects, await subjects.takeSnapshots(TENANTS, nextTurn));
    await change(subjects, 'UA', ['s1', 's2'], (record) => set(record, 2));
    subjects.reset();
    assert.deepEqual(
      [numberOf(await subjects.peek('UA', 's1')), await subjects.peek('UA', 's2')],
      [1, undefined],
    );
    assert.deepEqual([subjects.changed, await subjects.takeSnapshots(TENANTS, nextTurn)], [0, []]);
  });

  it('that are large leave memory as those do that are many', async () => {
    let reads = 0;
    const { subjectNow } = store;
    const counted: Pick<StateStore, 'subjectNow' | 'subjects'> = {
      subjectNow: subjectNow && ((tenant, subject) => (reads++, subjectNow(tenant, subject))),
      subjects: (names) => ((reads += names.length), store.subjects(names)),
    };
    const subjects = new Subjects(counted, { maxCachedBytes: 10 * MB });
    const large = 'x'.repeat(MB);
    for (let n = 0; n < 10; n++) {
      await change(subjects, 'UA', [`s${n}`], (record) => {
        record.profile = { values: { n, large }, times: {} };
      });
      await keep(subjects, await subjects.takeSnapshots(TENANTS, nextTurn));
    }
    reads = 0;
    // Three times the JSON: three of them fit.
    for (let n = 0; n < 10; n++) assert.equal(numberOf(await subjects.peek('UA', `s${n}`)), n);
    assert.equal(reads, 7);
  });

  async function assertKept(tenant: string, expected: ReadonlyMap<string, number>): Promise<void> {
    const names = [...expected.keys()];
    const records = await store.subjects(names.map((subject) => ({ tenant, subject })));
    assert.deepEqual(records.map(numberOf), [...expected.values()], 'the cut, and nothing after');
  }

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
          const changeAll = (numbers: readonly number[]): Promise<void> =>
            change(
              subjects,
              tenant,
              numbers.map((each) => `s${each}`),
              (record, subject) => {
                assert.equal(numberOf(record), memory.get(subject), 'no change is lost');
                set(record, ++n);
                memory.set(subject, n);
              },
            );
          for (const { before, during, after, kept } of checkpoints) {
            await changeAll(before);
            const cut = new Map(memory);
            const turns = during.values();
            const snapshots = await subjects.takeSnapshots([tenant], async () => {
              await nextTurn();
              await changeAll(turns.next().value ?? []);
            });
            await changeAll(after);
            assert.equal(new Set(snapshots.map(({ subject }) => subject)).size, snapshots.length);
            if (kept) await keep(subjects, snapshots);
            else subjects.notKept();
            if (kept) durable = cut;
            await assertKept(tenant, durable);
            for (const [subject, expected] of memory)
              assert.equal(numberOf(await subjects.peek(tenant, subject)), expected);
          }
          await keep(subjects, await subjects.takeSnapshots([tenant], nextTurn));
          assert.equal(subjects.changed, 0);
          await assertKept(tenant, memory);
        },
      ),
      { numRuns: kind.name === 'LMDB' ? 60 : 20 },
    );
  });
});
