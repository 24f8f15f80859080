import assert from 'node:assert/strict';
import { rmSync, writeFileSync, readFileSync } from 'node:fs';
import type { FaultPoint } from '../../../src/platform/fault-point.js';
import type { Table } from '../../../src/events/columns.js';
import type { LoadInput } from '../../../src/stores/warehouse/warehouse.js';
import { fileURLToPath } from 'node:url';
import { printUntil } from '../../support/print-until.js';
import type { WarehousePlace } from '../../support/warehouses.js';
import { batchId, decision, event, type Fixture } from './fixture.js';

/** A row as it is in the warehouse. */
export interface StoredRow {
  readonly id: string;
  readonly subject: string | null;
  /** Microseconds since the epoch. */
  readonly time: number;
  /** JSON as text. */
  readonly data: string | null;
  readonly batchId: string;
  readonly loadId: string;
}

/** A warehouse under test, empty, and how to look into it past Headgate. */
export interface WarehouseHarness {
  readonly fixture: Fixture;
  readonly place: WarehousePlace;
  /** The rows of a tenant's table itself, each as often as it is there. */
  rows(table?: Table, tenant?: string): Promise<StoredRow[]>;
  /** True where what stands in for the warehouse cannot take data that is a text. */
  readonly noTexts?: boolean;
  /** The ids that users see: each once. */
  shown(table?: Table, tenant?: string): Promise<string[]>;
}

const CHILD = fileURLToPath(new URL('load.fixture.ts', import.meta.url));

/** What every warehouse promises. To be called in a suite whose hooks make an empty warehouse for each test. */
export function describeWarehouse(harness: () => WarehouseHarness): void {
  describe('what is loaded', () => describeLoaded(harness));
  describe('times of RFC 3339', () => describeTimes(harness));
  describe('a batch that is loaded', () => describeHeld(harness));
  describe('a retry', () => describeRetry(harness));
  describe('a load that fails', () => describeFailed(harness));
  describe('a load that is called off', () => describeCalledOff(harness));
}

const ids = (rows: readonly StoredRow[]): string[] => rows.map(({ id }) => id).sort();

function describeLoaded(harness: () => WarehouseHarness): void {
  it('is every row, with its batch and its load', async () => {
    const { fixture, rows } = harness();
    const batches = [
      fixture.batch(batchId(1), [event('a'), event('b', { subject: undefined })]),
      fixture.batch(batchId(2), [event('c')]),
    ];
    const { bytes, file, ...result } = await fixture.load('20240310T120000.000Z-0a', batches);
    assert.ok(bytes > 0, file);
    assert.deepEqual(result, {
      loadId: '20240310T120000.000Z-0a',
      rows: 3,
      loaded: [batchId(1), batchId(2)],
      alreadyHeld: [],
    });
    const stored = await rows();
    assert.deepEqual(
      stored.map(({ id, subject, batchId, loadId }) => [id, subject, batchId, loadId]).sort(),
      [
        ['a', 's1', batchId(1), '20240310T120000.000Z-0a'],
        ['b', null, batchId(1), '20240310T120000.000Z-0a'],
        ['c', 's1', batchId(2), '20240310T120000.000Z-0a'],
      ],
    );
  });

  it('is in the table of its stream', async () => {
    const { fixture, rows } = harness();
    await fixture.put(1, [event('e')]);
    await fixture.put(2, [event('p', { type: 'user.properties' })], 'user-properties');
    await fixture.put(3, [decision('e:late:1')], 'decisions');
    assert.deepEqual(ids(await rows('events')), ['e']);
    assert.deepEqual(ids(await rows('user_properties')), ['p']);
    assert.deepEqual(ids(await rows('decisions')), ['e:late:1']);
  });

  it('has its data as it was sent, whatever it is', async () => {
    const { fixture, rows } = harness();
    const forms: Record<string, unknown> = {
      array: [1, 'two', null, { three: [] }],
      deep: { a: { b: { c: [{ d: null }] } }, id: 'not the id', _load_id: 'not the load' },
      nul: { text: 'a\u0000b' },
      number: 1.5,
      quotes: { text: `it's "quoted" \\ and {braces}\n\r\t` },
      true: true,
      unicode: { 'ключ 🔑': 'é\u2028\u{1F6EB}' },
    };
    await fixture.put(
      1,
      Object.entries(forms).map(([id, data]) => event(id, { data })),
    );
    const stored = await rows();
    const read = stored.map(({ id, data }) => [id, JSON.parse(data ?? 'null')] as [string, unknown]);
    assert.deepEqual(Object.fromEntries(read), forms);
  });

  it('has data that is a text', async function () {
    const { fixture, rows, noTexts } = harness();
    if (noTexts) this.skip();
    const texts = ['plain', '"quoted"', '{"n":1}', ''];
    await fixture.put(
      1,
      texts.map((data, index) => event(`e${index}`, { data })),
    );
    const read = (await rows()).map(({ data }) => JSON.parse(data ?? 'null') as unknown);
    assert.deepEqual(read.sort(), [...texts].sort());
  });

  it('has no data where there was none', async () => {
    const { fixture, rows } = harness();
    await fixture.put(1, [event('null', { data: null }), event('none', { data: undefined })]);
    assert.deepEqual(
      (await rows()).map(({ data }) => data),
      [null, null],
    );
  });

  it('has numbers that a double cannot hold, digit by digit', async () => {
    const { fixture, rows } = harness();
    const line = JSON.stringify(event('a', { data: 'N' })).replace('"N"', '{"n":12345678901234567890123}');
    await fixture.load('w1', [fixture.batch(batchId(1), [line])]);
    assert.match((await rows())[0]?.data ?? '', /12345678901234567890123/);
  });

  it('has any script, quotes and statements in its attributes', async () => {
    const { fixture, rows } = harness();
    const odd = ['Ñ🛫', `'; DROP TABLE events; --`, '"quoted"', '${x}\\', '\u2028'];
    await fixture.put(
      1,
      odd.map((subject, index) => event(`e${index}`, { subject })),
    );
    assert.deepEqual((await rows()).map(({ subject }) => subject).sort(), [...odd].sort());
  });

  it('of one tenant is nothing of another', async () => {
    const { fixture, rows } = harness();
    const batch = fixture.batch(batchId(1), [event('a')]);
    for (const tenant of ['UA', 'DL']) await fixture.load('w1', [batch], { tenant });
    await fixture.put(2, [event('b')], 'events', 'DL');
    assert.deepEqual(ids(await rows('events', 'UA')), ['a']);
    assert.deepEqual(ids(await rows('events', 'DL')), ['a', 'b']);
  });

  it('is shown once, though a producer has sent it twice', async () => {
    const { fixture, rows, shown } = harness();
    await fixture.put(1, [event('a'), event('b'), event('a')]);
    await fixture.put(2, [event('b'), event('c')]);
    assert.deepEqual(ids(await rows()), ['a', 'a', 'b', 'b', 'c']);
    assert.deepEqual((await shown()).sort(), ['a', 'b', 'c']);
  });

  it('may be nothing: no batches, or a batch without lines', async () => {
    const { fixture, rows } = harness();
    assert.equal((await fixture.load('w0', [])).rows, 0);
    const result = await fixture.load('w1', [fixture.batch(batchId(1), [])]);
    assert.deepEqual([result.rows, result.loaded], [0, [batchId(1)]]);
    assert.deepEqual(await rows(), []);
  });
}

function describeTimes(harness: () => WarehouseHarness): void {
  it('are read as what they mean', async () => {
    const { fixture, rows } = harness();
    const meant = {
      '1600-01-01T00:00:00Z': '1600-01-01T00:00:00.000Z',
      '3000-12-31T23:59:59.123456789+14:00': '3000-12-31T09:59:59.123Z',
      '2024-02-29t05:17:00z': '2024-02-29T05:17:00.000Z',
      '2016-12-31T23:59:60Z': '2016-12-31T23:59:59.000Z',
      '2016-12-31T18:59:60.5-05:00': '2016-12-31T23:59:59.500Z',
      '2024-01-01T00:00:00-00:00': '2024-01-01T00:00:00.000Z',
    };
    await fixture.put(
      1,
      Object.keys(meant).map((time) => event(time, { time })),
    );
    const read = (await rows()).map(({ id, time }) => {
      return [id, new Date(Math.floor(time / 1000)).toISOString()] as [string, string];
    });
    assert.deepEqual(Object.fromEntries(read), meant);
  });
}

function describeHeld(harness: () => WarehouseHarness): void {
  it('is left out of a later load, also after a start', async () => {
    const { fixture, rows } = harness();
    const [one, two] = [fixture.batch(batchId(1), [event('a')]), fixture.batch(batchId(2), [event('b')])];
    await fixture.load('w1', [one]);
    await fixture.restart();
    const result = await fixture.load('w2', [one, two]);
    assert.deepEqual([result.rows, result.loaded, result.alreadyHeld], [1, [batchId(2)], [batchId(1)]]);
    assert.deepEqual((await rows()).map(({ id, loadId }) => [id, loadId]).sort(), [
      ['a', 'w1'],
      ['b', 'w2'],
    ]);
  });

  it('needs no file any more', async () => {
    const { fixture, rows } = harness();
    const batch = fixture.batch(batchId(1), [event('a')]);
    await fixture.load('w1', [batch]);
    rmSync(batch.path);
    const result = await fixture.load('w2', [batch, batch]);
    assert.deepEqual(result, { loadId: 'w2', rows: 0, bytes: 0, loaded: [], alreadyHeld: [batchId(1)] });
    assert.deepEqual(ids(await rows()), ['a']);
  });

  it('is found when it was loaded on a later day, or on the day before its own', async () => {
    const { fixture } = harness();
    const batch = fixture.batch(batchId(1, '20240310'), [event('a')]);
    await fixture.load('late', [batch], { day: '2024-03-15' });
    assert.deepEqual((await fixture.load('again', [batch])).alreadyHeld, [batch.batchId]);
    const midnight = fixture.batch(batchId(2, '20240311'), [event('b')]);
    await fixture.load('window-of-the-10th', [midnight], { day: '2024-03-10' });
    assert.deepEqual((await fixture.load('again', [midnight], { day: '2024-03-11' })).loaded, []);
  });

  it('is loaded once by loads at the same time', async () => {
    const { fixture, rows } = harness();
    const batch = fixture.batch(batchId(1), [event('a')]);
    const results = await Promise.all(['w1', 'w2', 'w3'].map((id) => fixture.load(id, [batch])));
    assert.equal(results.flatMap(({ loaded }) => loaded).length, 1);
    assert.deepEqual(ids(await rows()), ['a']);
  });

  it('in one tenant or table is not loaded in another', async () => {
    const { fixture } = harness();
    const batch = fixture.batch(batchId(1), [event('a')]);
    for (const [tenant, stream] of [
      ['UA', 'events'],
      ['DL', 'events'],
      ['UA', 'user-properties'],
    ] as const)
      assert.deepEqual((await fixture.load('w1', [batch], { tenant, stream })).loaded, [batch.batchId]);
  });
}

function describeRetry(harness: () => WarehouseHarness): void {
  it('gives the same result, and needs no file of a load that was done', async () => {
    const { fixture, rows } = harness();
    const batches = [1, 2].map((n) => fixture.batch(batchId(n), [event(`e${n}`)]));
    const first = await fixture.load('w1', batches);
    await fixture.restart();
    for (const batch of batches) rmSync(batch.path);
    assert.deepEqual(await fixture.load('w1', batches), first);
    assert.deepEqual(ids(await rows()), ['e1', 'e2']);
  });

  it('of a load that left batches out leaves the same ones out', async () => {
    const { fixture } = harness();
    const batches = [1, 2].map((n) => fixture.batch(batchId(n), [event(`e${n}`)]));
    await fixture.load('w1', batches.slice(0, 1));
    const first = await fixture.load('w2', batches);
    await fixture.restart();
    assert.deepEqual(await fixture.load('w2', batches), first);
    assert.deepEqual(first.alreadyHeld, [batchId(1)]);
  });

  it('that has more batches, as after a reset, adds those', async () => {
    const { fixture, rows } = harness();
    const batches = [1, 2].map((n) => fixture.batch(batchId(n), [event(`e${n}`)]));
    await fixture.load('w1', batches.slice(0, 1));
    const result = await fixture.load('w1', batches);
    assert.deepEqual([result.rows, result.loaded, result.alreadyHeld], [2, [batchId(1), batchId(2)], []]);
    assert.deepEqual(await fixture.load('w1', batches), result);
    assert.deepEqual(ids(await rows()), ['e1', 'e2']);
  });
}

function describeFailed(harness: () => WarehouseHarness): void {
  it('since rows are missing or too many has loaded nothing, and can be tried again', async () => {
    const { fixture, rows } = harness();
    const batch = fixture.batch(batchId(1), [event('e1'), event('e2')]);
    for (const count of [1, 3])
      await assert.rejects(fixture.load('w1', [{ ...batch, rows: count }]), {
        code: 'WAREHOUSE_FAILED',
        retryable: true,
        message: new RegExp(`2 rows were read from 1 batch files that have ${count}$`),
      });
    assert.equal((await fixture.load('w1', [batch])).rows, 2);
    assert.deepEqual(ids(await rows()), ['e1', 'e2']);
  });

  it('since a file is torn has loaded nothing', async () => {
    const { fixture, rows } = harness();
    await fixture.put(9, [event('before')]);
    const torn = fixture.batch(batchId(1), [event('a'), event('b')]);
    const whole = readFileSync(torn.path);
    writeFileSync(torn.path, whole.subarray(0, 60));
    await assert.rejects(fixture.load('w1', [torn]), { code: 'WAREHOUSE_FAILED', retryable: true });
    assert.deepEqual(ids(await rows()), ['before']);
    writeFileSync(torn.path, whole);
    assert.equal((await fixture.load('w1', [torn])).rows, 2);
  });

  it('since a batch is gone fails for good', async () => {
    const { fixture } = harness();
    const batch = fixture.batch(batchId(1), [event('a')]);
    rmSync(batch.path);
    const gone = { code: 'NOT_FOUND', retryable: false, message: new RegExp(batch.batchId) };
    await assert.rejects(fixture.load('w1', [batch]), gone);
  });

  it('for a row that is none does without it, reports it, and says so again when it is tried again', async () => {
    const { fixture, rows } = harness();
    const bad = JSON.stringify(event('bad', { time: 'never' }));
    const batches = [
      fixture.batch(batchId(1), [event('a'), bad, event('b')]),
      fixture.batch(batchId(2), [event('c')]),
    ];
    const told: unknown[] = [];
    const onBadRows: LoadInput['onBadRows'] = (found) => {
      for (const { batchId: id, rows: lines } of found) told.push([id, lines.map(({ line }) => line)]);
      return Promise.resolve();
    };
    const first = await fixture.load('w1', batches, { onBadRows });
    assert.deepEqual([first.rows, first.leftOut, first.loaded.length], [3, 1, 2]);
    assert.deepEqual(told, [[batchId(1), [1]]]);
    await fixture.restart();
    assert.deepEqual(await fixture.load('w1', batches, { onBadRows }), first);
    assert.deepEqual(ids(await rows()), ['a', 'b', 'c']);
  });

  it('does not keep the next in turn', async () => {
    const { fixture, rows } = harness();
    const failing = fixture.load('w1', [fixture.batch(batchId(1), ['{"id": '])]);
    const following = fixture.load('w2', [fixture.batch(batchId(2), [event('b')])]);
    await assert.rejects(failing, { code: 'WAREHOUSE_FAILED', retryable: true });
    assert.equal((await following).rows, 1);
    assert.deepEqual(ids(await rows()), ['b']);
  });

  for (const [name, value, code] of [
    ['tenant', '../DL', 'TENANT_ID_INVALID'],
    ['loadId', '../w1', 'WAREHOUSE_FAILED'],
    ['loadId', "w'1", 'WAREHOUSE_FAILED'],
    ['day', '2024-13-10', 'WAREHOUSE_FAILED'],
    ['loadedAt', "2024-03-10T12:00:05Z'", 'WAREHOUSE_FAILED'],
    ['stream', 'audit', 'WAREHOUSE_FAILED'],
  ] as const)
    it(`for good, since its ${name} is ${JSON.stringify(value)}`, async () => {
      const { fixture } = harness();
      const batch = fixture.batch(batchId(1), [event('a')]);
      await assert.rejects(fixture.load('w1', [batch], { [name]: value }), { code, retryable: false });
    });
}

function describeCalledOff(harness: () => WarehouseHarness): void {
  it('before its turn rejects with the reason and has loaded nothing', async () => {
    const { fixture, rows } = harness();
    const [one, two] = [fixture.batch(batchId(1), [event('a')]), fixture.batch(batchId(2), [event('b')])];
    const aborted = new AbortController();
    const reason = new Error('cancelled by the test');
    const first = fixture.load('w1', [one]);
    const waiting = fixture.load('w2', [two], { signal: aborted.signal });
    aborted.abort(reason);
    await assert.rejects(waiting, reason);
    await first;
    await assert.rejects(fixture.load('w3', [two], { signal: aborted.signal }), reason);
    assert.deepEqual(ids(await rows()), ['a']);
    assert.equal((await fixture.load('w2', [two])).rows, 1);
  });

  it('by the end of the process is waited for, and later ones are refused', async () => {
    const { fixture } = harness();
    const batches = [1, 2, 3].map((n) => fixture.batch(batchId(n), [event(`e${n}`)]));
    const loading = batches.slice(0, 2).map((batch, n) => fixture.load('w1', [batch], { tenant: `T${n}` }));
    let loaded = 0;
    for (const load of loading) void load.then(() => (loaded += 1));
    await fixture.warehouse.close();
    assert.equal(loaded, 2);
    const refused = { code: 'SHUTTING_DOWN', retryable: true };
    await assert.rejects(fixture.load('w9', batches.slice(2)), refused);
  });
}

/** Loads that are killed at each of these points, in a process of their own, and tried again in this one. */
export function describeKilledLoads(harness: () => WarehouseHarness, points: readonly FaultPoint[]): void {
  for (const point of points) {
    it(`at ${point} and tried again have every row once`, async () => {
      const { fixture, place, rows, shown } = harness();
      await fixture.load('earlier', [fixture.batch(batchId(1), [event('a')])]);
      const batches = [1, 2, 3].map((n) => fixture.batch(batchId(n), [event(n === 1 ? 'a' : `e${n}`)]));
      const input = {
        tenant: 'UA',
        stream: 'events',
        loadId: 'w1',
        batches,
        day: '2024-03-10',
        loadedAt: '2024-03-10T12:00:05.000Z',
      };
      const killed = await printUntil(CHILD, [JSON.stringify([place, input, point, 1])], {});
      assert.equal(killed.signal, 'SIGKILL', killed.lines.join('\n'));

      await fixture.restart();
      const { rows: count, loaded, alreadyHeld } = await fixture.load('w1', batches);
      assert.deepEqual([count, loaded, alreadyHeld], [2, [batchId(2), batchId(3)], [batchId(1)]]);
      const later = await fixture.load('w2', batches);
      assert.deepEqual(later.loaded, []);
      assert.deepEqual(ids(await rows()), ['a', 'e2', 'e3']);
      assert.deepEqual((await shown()).sort(), ['a', 'e2', 'e3']);
    });

    it(`at ${point} and never again leave their batches to another load`, async () => {
      const { fixture, place, rows } = harness();
      const batch = fixture.batch(batchId(1), [event('a')]);
      const input = {
        tenant: 'UA',
        stream: 'events',
        loadId: 'w1',
        batches: [batch],
        day: '2024-03-10',
        loadedAt: '2024-03-10T12:00:05.000Z',
      };
      const killed = await printUntil(CHILD, [JSON.stringify([place, input, point, 1])], {});
      assert.equal(killed.signal, 'SIGKILL', killed.lines.join('\n'));
      const { loaded, alreadyHeld } = await fixture.load('w2', [
        batch,
        fixture.batch(batchId(2), [event('b')]),
      ]);
      assert.deepEqual([...loaded, ...alreadyHeld].sort(), [batchId(1), batchId(2)]);
      assert.deepEqual(ids(await rows()), ['a', 'b']);
    });
  }
}
