import assert from 'node:assert/strict';
import fc from 'fast-check';
import { newSubjectRecord } from '../../src/eligibility/decide-chunk.js';
import { Subjects } from '../../src/eligibility/subjects.js';
import { HeadgateError } from '../../src/errors.js';
import type { StateStore, SubjectName, SubjectRecord } from '../../src/stores/state/state-store.js';
import { gate, type Gate } from '../support/gate.js';
import { newStateUrl, usePostgres } from '../support/postgres.js';
import { openStateAt } from '../support/state-stores.js';
import { until } from '../support/until.js';

const SOON_MS = 10_000;
/** So little that nothing stays in memory that nobody holds. */
const NO_CACHE = { maxCachedBytes: 1 };
const nextTurn = (): Promise<void> => new Promise(setImmediate);

function set(record: SubjectRecord, n: number): void {
  record.profile = { values: { n }, times: {} };
}

const numberOf = (record: SubjectRecord | undefined): unknown => record?.profile?.values.n;

/** Waits until nothing but what is held up is under way. */
async function turns(count = 20): Promise<void> {
  for (let n = 0; n < count; n++) await nextTurn();
}

describe('reading ahead of a request, from a store that takes a round trip', function () {
  this.timeout(60_000);
  const server = usePostgres();
  let store: StateStore;
  /** Each read that was asked of the store, and what lets its answer through. */
  let reads: { readonly names: readonly SubjectName[]; readonly answer: Gate }[];
  let holding: boolean;
  /** The store, whose answers come as they are let through. */
  let slow: Pick<StateStore, 'subjectNow' | 'subjects'>;
  let subjects: Subjects;

  beforeEach(async () => {
    store = await openStateAt(newStateUrl(server()));
    reads = [];
    holding = true;
    slow = {
      subjects: async (names) => {
        const answer = gate();
        reads.push({ names: [...names], answer });
        const read = await store.subjects(names);
        if (holding) await answer.passed;
        return read;
      },
    };
    subjects = new Subjects(slow, NO_CACHE);
    await keep({ s1: 1, s2: 2, s3: 3 });
  });
  afterEach(() => store.close());

  async function keep(numbers: Record<string, number>, tenant = 'UA'): Promise<void> {
    const snapshots = Object.entries(numbers).map(([subject, n]) => {
      const record = newSubjectRecord();
      set(record, n);
      return { tenant, subject, json: JSON.stringify(record) };
    });
    await store.checkpoint({ subjects: snapshots, watermarks: new Map() });
  }

  /** A request that adds to each of its subjects; resolves with what they were. */
  async function request(names: readonly string[], tenant = 'UA'): Promise<unknown[]> {
    return subjects.whenRead(
      tenant,
      () => names,
      () =>
        names.map((name) => {
          const record = subjects.change(tenant, name);
          const before = numberOf(record);
          set(record, Number(before ?? 0) + 10);
          return before;
        }),
    );
  }

  async function checkpoint(): Promise<void> {
    const snapshots = await subjects.takeSnapshots(['UA', 'DL'], nextTurn);
    await store.checkpoint({ subjects: snapshots, watermarks: new Map() });
    subjects.kept();
  }

  const namesOf = (): string[][] => reads.map(({ names }) => names.map(({ subject }) => subject));
  const open = (index: number): void => reads[index]?.answer.open();

  it('reads all that a request lacks at once, and nothing that memory has', async () => {
    holding = false;
    await request(['s2']);
    assert.deepEqual(await request(['s1', 's2', 's3', 'new']), [1, 12, 3, undefined]);
    assert.deepEqual(namesOf(), [['s2'], ['s1', 's3', 'new']]);
    const now = subjects.whenRead(
      'UA',
      () => ['s1', 'new'],
      () => 'now',
    );
    assert.equal(now, 'now', 'not a promise');
  });

  it('reads a subject once for all requests that wait for it, which then go in the order they came', async () => {
    const [first, second, third] = [request(['s1']), request(['s1', 's2']), request(['s1'])];
    await turns();
    assert.deepEqual(namesOf(), [['s1', 's2']]);
    open(0);
    assert.deepEqual(await Promise.all([first, second, third]), [[1], [11, 2], [21]]);
  });

  it('lets requests that come while reads are under way go together in the next, of any tenants', async () => {
    await keep({ s1: 5 }, 'DL');
    const waiting = [request(['s1'])];
    await turns();
    waiting.push(request(['s2']));
    await turns();
    waiting.push(request(['s3']), request(['s1'], 'DL'), request(['new']));
    await turns();
    assert.deepEqual(namesOf(), [['s1'], ['s2']]);
    open(1);
    await until(() => assert.equal(reads.length, 3), SOON_MS);
    assert.deepEqual(
      reads[2]?.names.map(({ tenant, subject }) => `${tenant}/${subject}`),
      ['UA/s3', 'DL/s1', 'UA/new'],
    );
    holding = false;
    for (const { answer } of reads) answer.open();
    assert.deepEqual(await Promise.all(waiting), [[1], [2], [3], [5], [undefined]]);
  });

  it('keeps what it has read until the request goes, though memory is short, and lets it go then', async () => {
    const both = request(['s1', 's2']);
    await turns();
    const late = request(['s1', 's3']);
    await turns();
    open(0);
    await both;
    await checkpoint();
    holding = false;
    open(1);
    assert.deepEqual(await late, [11, 3]);
    await checkpoint();
    assert.equal(numberOf(await subjects.peek('UA', 's1')), 21);
    assert.deepEqual(namesOf().slice(2), [['s1']], 'it was not in memory any more');
  });

  it('keeps a subject that nobody has heard of until the request goes: others meet the one it has made', async () => {
    const first = request(['new']);
    await turns();
    const second = request(['new', 's1']);
    await turns();
    open(0);
    await first;
    await checkpoint();
    open(1);
    assert.deepEqual(await second, [10, 1]);
  });

  it('gives a change that came in between, also once a checkpoint has it and memory has let it go', async () => {
    const first = request(['s1']);
    await turns();
    const second = request(['s1', 's2']);
    await turns();
    open(0);
    await first;
    await checkpoint();
    await checkpoint();
    open(1);
    assert.deepEqual(await second, [11, 2]);
  });

  it('reads again what a reset has made memory forget, and has nothing from before it', async () => {
    const first = request(['s1']);
    await turns();
    open(0);
    await first;
    const waiting = request(['s1', 's2']);
    await turns();
    // What the first has changed goes, as after an append that failed; nothing of it is in the store.
    subjects.reset();
    holding = false;
    for (const { answer } of reads) answer.open();
    assert.deepEqual(await waiting, [1, 2]);
  });

  it('fails the requests that wait when the store does not answer, and none after; what memory has goes on', async () => {
    const first = request(['s1']);
    await turns();
    const joined = request(['s1', 's2']);
    await turns();
    reads[0]?.answer.fail(new HeadgateError('STATE_UNAVAILABLE', 'away', { retryable: true }));
    await assert.rejects(first, { code: 'STATE_UNAVAILABLE' });
    await assert.rejects(joined, { code: 'STATE_UNAVAILABLE' });
    holding = false;
    open(1);
    assert.deepEqual([await request(['s1']), await request(['s2'])], [[1], [2]]);
  });

  it('asks again which subjects there are after a wait: rules may have changed meanwhile', async () => {
    let names = ['s1'];
    const waiting = subjects.whenRead(
      'UA',
      () => names,
      () => names.map((name) => numberOf(subjects.change('UA', name))),
    );
    await turns();
    names = ['s1', 's3'];
    holding = false;
    open(0);
    assert.deepEqual(await waiting, [1, 3]);
  });

  it('looks at a subject without making it, and at that of its own tenant alone', async () => {
    holding = false;
    assert.equal(await subjects.peek('UA', 'new'), undefined);
    assert.equal(await subjects.peek('DL', 's1'), undefined);
    assert.equal(numberOf(await subjects.peek('UA', 's1')), 1);
    assert.deepEqual([subjects.changed, await request(['new'])], [0, [undefined]]);
  });

  type Step = { readonly ask: readonly number[] } | 'answers' | 'checkpoints' | 'turns';
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 5, arbitrary: fc.record({ ask: fc.uniqueArray(fc.nat(6), { minLength: 1, maxLength: 4 }) }) },
    { weight: 4, arbitrary: fc.constantFrom<Step>('answers', 'checkpoints', 'turns') },
  );
  it('loses no change and sees none twice, in whatever order answers and checkpoints come', async () => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const tenant = `t${++runs}`;
        const counts = new Map<number, number>();
        const waiting: Promise<void>[] = [];
        let answered = 0;
        subjects = new Subjects(slow, NO_CACHE);
        reads = [];
        holding = true;
        const ask = async (numbers: readonly number[]): Promise<void> => {
          const names = numbers.map((n) => `s${n}`);
          const work = (): void =>
            numbers.forEach((n, index) => {
              const record = subjects.change(tenant, names[index] as string);
              assert.equal(numberOf(record) ?? 0, counts.get(n) ?? 0);
              counts.set(n, (counts.get(n) ?? 0) + 1);
              set(record, counts.get(n) as number);
            });
          await subjects.whenRead(tenant, () => names, work);
        };
        const write = async (): Promise<void> => {
          const taken = await subjects.takeSnapshots([tenant], nextTurn);
          await store.checkpoint({ subjects: taken, watermarks: new Map() });
          subjects.kept();
        };
        for (const each of steps) {
          if (typeof each === 'object') waiting.push(ask(each.ask));
          else if (each === 'answers') open(answered++);
          else if (each === 'checkpoints') await write();
          else await turns(3);
        }
        holding = false;
        for (const { answer } of reads) answer.open();
        await Promise.all(waiting);
        await write();
        for (const [n, count] of counts) assert.equal(numberOf(await subjects.peek(tenant, `s${n}`)), count);
      }),
      { numRuns: 60 },
    );
  });
});
