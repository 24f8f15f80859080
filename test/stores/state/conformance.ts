import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import type { StateStore, SubjectRecord, SubjectSnapshot } from '../../../src/stores/state/state-store.js';
import { printUntil, type Printed, type PrintLimits } from '../../support/print-until.js';
import { subjectIn, type StateStoreKind } from '../../support/state-stores.js';

/** Subjects in each checkpoint of the process that is killed; every one is larger than the last. */
const SUBJECTS = 100;
const FIXTURE = fileURLToPath(new URL('checkpoints.fixture.ts', import.meta.url));

const RECORD: SubjectRecord = {
  state: { aggregates: { late: { definition: 'd', times: [1, 2], ids: [0.5, 2 ** 52], values: [1, null] } } },
  decisions: {
    late: { outcome: 'eligible', reason: 'r', ruleVersion: 'v', eventId: 'e', time: '2024-01-01T00:00:00Z' },
  },
};

/** A subject that has properties alone. */
function withProperties(values: Record<string, unknown>): SubjectRecord {
  return { profile: { values, times: {} }, state: { aggregates: {} }, decisions: {} };
}

/**
 * What every state store promises, as tests of the suite it is called in.
 * @returns the place and the open store of the test that runs
 */
export function conformsAsStateStore(kind: StateStoreKind): {
  where: () => string;
  store: () => StateStore;
  checkpointUntil: (limits: PrintLimits) => Promise<Omit<Printed, 'lines'> & { told: number }>;
  assertWhole: (told: number) => Promise<void>;
} {
  const where = kind.use();
  let store: StateStore;

  beforeEach(async () => {
    store = await kind.open(where());
  });
  afterEach(() => store.close());

  async function reopen(): Promise<void> {
    await store.close();
    store = await kind.open(where());
  }

  const subject = (tenant: string, name: string): Promise<SubjectRecord | undefined> =>
    subjectIn(store, tenant, name);

  const snapshot = (tenant: string, subject: string, record: SubjectRecord): SubjectSnapshot => ({
    tenant,
    subject,
    json: JSON.stringify(record),
  });

  function write(records: Record<string, SubjectRecord>, seq: number, tenant = 'UA'): Promise<void> {
    const subjects = Object.entries(records).map(([subject, record]) => snapshot(tenant, subject, record));
    return store.checkpoint({ subjects, watermarks: new Map([[tenant, seq]]) });
  }

  it('has a checkpoint, its subjects and its watermarks, after a restart', async () => {
    await write({ s1: RECORD, s2: withProperties({ seats: 180 }) }, 7);
    for (let opened = 0; opened < 2; opened++) {
      assert.deepEqual(await subject('UA', 's1'), RECORD);
      assert.deepEqual(await subject('UA', 's2'), withProperties({ seats: 180 }));
      assert.deepEqual([store.watermark('UA'), store.highestWatermark()], [7, 7]);
      await reopen();
    }
  });

  it('knows nothing of what was never written', async () => {
    assert.equal(await subject('UA', 's1'), undefined);
    assert.deepEqual([store.watermark('UA'), store.highestWatermark()], [0, 0]);
  });

  it('puts a later checkpoint over an earlier one, and leaves what that does not name', async () => {
    await write({ s1: RECORD, s2: withProperties({ n: 1 }) }, 1);
    await write({ s2: withProperties({ n: 2 }) }, 2);
    assert.deepEqual(await subject('UA', 's1'), RECORD);
    assert.deepEqual(await subject('UA', 's2'), withProperties({ n: 2 }));
    assert.equal(store.watermark('UA'), 2);
  });

  it('gives a record that may be changed without changing what is kept', async () => {
    await write({ s1: RECORD }, 1);
    (await subject('UA', 's1'))!.decisions.late = { ...RECORD.decisions.late!, outcome: 'ineligible' };
    assert.deepEqual(await subject('UA', 's1'), RECORD);
  });

  it('forgets all of a tenant, however much that is, and nothing of others whose names begin alike', async () => {
    const many = Array.from({ length: 2_500 }, (_, n) => snapshot('UA', `s${n}`, RECORD));
    await store.checkpoint({ subjects: many, watermarks: new Map([['UA', 9]]) });
    for (const tenant of ['U', 'UA-2', 'UAL']) await write({ s1: RECORD }, 3, tenant);
    assert.deepEqual([await store.forgetTenant('UA'), await store.forgetTenant('UA')], [2_500, 0]);
    for (let opened = 0; opened < 2; opened++) {
      assert.deepEqual(
        [await subject('UA', 's1'), store.watermark('UA'), store.highestWatermark()],
        [undefined, 0, 3],
      );
      for (const tenant of ['U', 'UA-2', 'UAL']) assert.deepEqual(await subject(tenant, 's1'), RECORD);
      await reopen();
    }
  });

  it('keeps tenants apart: subjects of the same name, and watermarks', async () => {
    await store.checkpoint({
      subjects: [
        snapshot('UA', 's1', withProperties({ of: 'UA' })),
        snapshot('DL', 's1', withProperties({ of: 'DL' })),
      ],
      watermarks: new Map([
        ['UA', 3],
        ['DL', 9],
      ]),
    });
    await write({ s1: withProperties({ of: 'UA again' }) }, 5);
    assert.deepEqual(await subject('DL', 's1'), withProperties({ of: 'DL' }));
    assert.equal(await subject('AA', 's1'), undefined);
    assert.deepEqual(
      ['UA', 'DL', 'AA'].map((tenant) => store.watermark(tenant)),
      [5, 9, 0],
    );
    assert.equal(store.highestWatermark(), 9);
  });

  for (const tenant of ['', '../UA', 'UA\0', 'UA/events', 'a'.repeat(64)]) {
    it(`looks at nothing for the tenant ${JSON.stringify(tenant.slice(0, 10))}`, async () => {
      const refused = { code: 'TENANT_ID_INVALID' };
      await assert.rejects(subject(tenant, 's1'), refused);
      assert.throws(() => store.watermark(tenant), refused);
      await assert.rejects(write({ s1: RECORD }, 1, tenant));
      await assert.rejects(store.checkpoint({ subjects: [], watermarks: new Map([[tenant, 1]]) }));
      assert.equal(store.highestWatermark(), 0);
    });
  }

  it('keeps the properties producers choose, whatever they are called', async () => {
    const values = JSON.parse(
      '{"__proto__":{"a":1},"constructor":"c","toJSON":"j","hasOwnProperty":1,"":0,"a.b":[null],"é☃𝄞":"é"}',
    ) as Record<string, unknown>;
    const times = JSON.parse('{"__proto__":5}') as Record<string, number>;
    await write({ s1: { ...withProperties({}), profile: { values, times } } }, 1);
    await reopen();
    const kept = (await subject('UA', 's1'))?.profile;
    assert.equal(JSON.stringify(kept?.values), JSON.stringify(values));
    assert.equal(Object.getPrototypeOf(kept?.values), Object.prototype);
    assert.equal(JSON.stringify(kept?.times), '{"__proto__":5}');
  });

  it('keeps what a record says, whatever is in it', async () => {
    const values = { nul: 'a\0b', 'key\0\n': '\n\r\u2028', half: '\ud800', quotes: '"\\\'', e: 1e-7 };
    await write({ s1: withProperties(values) }, 1);
    await reopen();
    assert.deepEqual(await subject('UA', 's1'), withProperties(values));
  });

  it('reads many at once, in the order asked for, of any tenants', async () => {
    const many = Array.from({ length: 300 }, (_, n) => `s${n}`);
    for (const tenant of ['UA', 'DL'])
      await write(
        Object.fromEntries(many.map((name) => [name, withProperties({ tenant, name })])),
        1,
        tenant,
      );
    const asked = [...many, 'unknown'].reverse().flatMap((name) => [
      { tenant: 'DL', subject: name },
      { tenant: 'UA', subject: name },
    ]);
    const records = await store.subjects(asked);
    for (const [n, { tenant, subject: name }] of asked.entries())
      assert.deepEqual(records[n]?.profile?.values, name === 'unknown' ? undefined : { tenant, name });
    assert.deepEqual(await store.subjects([]), []);
  });

  it('takes a checkpoint of many megabytes, whole', async function () {
    this.timeout(20_000);
    const large = 'x'.repeat(1024 ** 2);
    const names = Array.from({ length: 40 }, (_, n) => `s${n}`);
    await write(Object.fromEntries(names.map((name, n) => [name, withProperties({ n, large })])), 5);
    await reopen();
    for (const [n, name] of names.entries()) assert.equal((await subject('UA', name))?.profile?.values.n, n);
    assert.equal(store.watermark('UA'), 5);
  });

  const names = [
    '__proto__',
    'constructor',
    'toJSON',
    '..',
    'a\0b',
    'a',
    'a\0',
    '1',
    'true',
    '',
    '/',
    'a/b',
    '\\',
    '\\e',
    '\\z',
    'a\\z',
    'a\nb',
    '\n',
    'a\\nb',
    '☃'.repeat(512),
    '𝄞'.repeat(256),
    's'.repeat(512),
  ];
  it('keeps every subject that the API admits apart from the others', async () => {
    const tenant = 't'.repeat(63);
    const subjects = names.map((subject, n) => snapshot(tenant, subject, withProperties({ n })));
    await store.checkpoint({ subjects, watermarks: new Map() });
    await reopen();
    for (const [n, name] of names.entries())
      assert.deepEqual((await subject(tenant, name))?.profile?.values, { n }, name);
  });

  it('has what it said is on disk after the process was killed, and only whole checkpoints', async function () {
    this.timeout(20_000);
    await store.close();
    const { told, signal } = await checkpointUntil({ lines: 30 });
    assert.equal(signal, 'SIGKILL');
    await assertWhole(told);
  });

  /** Opens the store, and finds the last checkpoint in it: one that was reported, or a later one. */
  async function assertWhole(told: number): Promise<void> {
    store = await kind.open(where());
    const watermark = store.watermark('UA');
    assert.ok(watermark >= told, `${watermark} after ${told}`);
    for (let index = 0; index < SUBJECTS; index++)
      assert.equal((await subject('UA', `s${index}`))?.profile?.values.n, watermark);
  }

  /** Runs the writing process; `told` is the last checkpoint that it said is on disk. */
  async function checkpointUntil(limits: PrintLimits): Promise<Omit<Printed, 'lines'> & { told: number }> {
    const { lines, ...ended } = await printUntil(FIXTURE, [where()], limits);
    return { ...ended, told: Number(lines.at(-1)) };
  }
  return { where, store: () => store, checkpointUntil, assertWhole };
}
