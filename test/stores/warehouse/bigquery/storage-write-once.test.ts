import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HeadgateError } from '../../../../src/errors.js';
import type { LoadBatch, LoadResult, Warehouse } from '../../../../src/stores/warehouse/warehouse.js';
import { PROJECT } from '../../../support/bigquery.js';
import { skipWithoutBqemulator, startBqemulator, type WriteEmulator } from '../../../support/bqemulator.js';
import { printUntil } from '../../../support/print-until.js';
import { startTcpProxy, type Direction, type TcpProxy } from '../../../support/tcp-proxy.js';
import { until } from '../../../support/until.js';
import { openWarehouse, type WarehousePlace } from '../../../support/warehouses.js';
import { batchId, event, Fixture } from '../fixture.js';

const CHILD = fileURLToPath(new URL('../load.fixture.ts', import.meta.url));
/** Rows of 200 kB, of which 60 take three requests. */
const BIG_ROWS = 60;
const big = (name: string) =>
  Array.from({ length: BIG_ROWS }, (_, n) => event(`${name}${n}`, { data: { text: 'x'.repeat(200_000) } }));

const LOAD = {
  tenant: 'UA',
  stream: 'events' as const,
  day: '2024-03-10',
  loadedAt: '2024-03-10T12:00:05.000Z',
};

describe('the Storage Write API, exactly once', function () {
  this.timeout(120_000);
  let emulator: WriteEmulator | undefined;
  let fixture: Fixture;
  let place: WarehousePlace & { kind: 'bigquery' };
  let proxy: TcpProxy | undefined;
  let tests = 0;

  before(async function () {
    skipWithoutBqemulator(this);
    emulator = await startBqemulator();
  });
  after(() => emulator?.stop());
  beforeEach(() => {
    const { endpoint, storageEndpoint } = emulator as WriteEmulator;
    const prefix = `once${++tests}`;
    const open = ({ dir }: Fixture) =>
      openWarehouse((place = { kind: 'bigquery', endpoint, storageEndpoint, prefix, dir }));
    fixture = new Fixture('headgate-storage-write-', open);
  });
  afterEach(async () => {
    await proxy?.stop();
    proxy = undefined;
    await fixture.close();
  });

  /** How often the table has each id. */
  const counts = async (): Promise<Map<string | null, number>> => {
    const table = `\`${PROJECT}.${place.prefix}_UA.events\``;
    const rows = await (emulator as WriteEmulator).rows(`SELECT id, COUNT(*) FROM ${table} GROUP BY id`);
    return new Map(rows.map(([id = null, count]) => [id, Number(count)]));
  };
  const assertOnce = async (ids: number): Promise<void> => {
    const found = await counts();
    const notOnce = [...found].filter(([, count]) => count !== 1);
    assert.deepEqual([found.size, notOnce], [ids, []]);
  };

  /** A warehouse as another process has it, whose way to the API can be blocked. */
  const openBehindProxy = async (): Promise<{ warehouse: Warehouse; way: TcpProxy }> => {
    const way = (proxy ??= await startTcpProxy(place.storageEndpoint as string));
    return { warehouse: openWarehouse({ ...place, storageEndpoint: way.address }), way };
  };

  /** An attempt that may be late: its result, or why it can be tried again. */
  const outcome = (load: Promise<LoadResult>): Promise<LoadResult | HeadgateError> =>
    load.catch((error: unknown) => {
      if (error instanceof HeadgateError && error.retryable) return error;
      throw error;
    });

  describe('a load of several requests', () => {
    it('has every row once', async () => {
      assert.equal((await fixture.load('w1', [fixture.batch(batchId(1), big('a'))])).rows, BIG_ROWS);
      await assertOnce(BIG_ROWS);
    });

    for (const [point, passes] of [
      ['bigquery-append.before', 2],
      ['bigquery-append.after', 1],
      ['bigquery-append.after', 2],
      ['bigquery-append.after', 3],
    ] as const)
      it(`killed at ${point}, the ${passes}. time, and tried again has every row once`, async () => {
        const batches = [fixture.batch(batchId(1), big('a'))];
        const input = { ...LOAD, loadId: 'w1', batches };
        const killed = await printUntil(CHILD, [JSON.stringify([place, input, point, passes])], {});
        assert.equal(killed.signal, 'SIGKILL', killed.lines.join('\n'));
        assert.equal((await fixture.load('w1', batches)).rows, BIG_ROWS);
        await assertOnce(BIG_ROWS);
      });

    it('whose connection is cut goes on where it was', async () => {
      const batches = [fixture.batch(batchId(1), big('a'))];
      const { warehouse, way } = await openBehindProxy();
      way.cutAfter(8_000_000);
      assert.equal((await warehouse.load({ ...LOAD, loadId: 'w1', batches })).rows, BIG_ROWS);
      assert.ok(way.connections > 1);
      assert.equal(streamsClaimed().length, 1);
      await warehouse.close();
      await assertOnce(BIG_ROWS);
    });

    it('that is called off on its way rejects with the reason, and has loaded nothing', async () => {
      const batches = [fixture.batch(batchId(1), big('a'))];
      const { warehouse, way } = await openBehindProxy();
      way.holdAfter('requests', { bytes: 6_000_000 });
      const aborted = new AbortController();
      const reason = new Error('called off by the test');
      const loading = warehouse.load({ ...LOAD, loadId: 'w1', batches, signal: aborted.signal });
      await until(() => assert.ok(way.holding), 30_000);
      aborted.abort(reason);
      await assert.rejects(loading, reason);
      way.release();
      await warehouse.close();
      await assertOnce(0);
      await fixture.load('w1', batches);
      await assertOnce(BIG_ROWS);
    });
  });

  describe('an attempt that goes on beside its retry', () => {
    for (const direction of ['requests', 'answers'] as Direction[])
      it(`adds nothing, wherever its ${direction} are kept back`, async () => {
        let held = 0;
        for (let pieces = 0, done = false; !done; pieces++) {
          const batches = [1, 2].map((n) =>
            fixture.batch(batchId(10 * pieces + n), [event(`${pieces}-${n}a`), event(`${pieces}-${n}b`)]),
          );
          const { warehouse, way } = await openBehindProxy();
          way.holdAfter(direction, { pieces });
          const load = { ...LOAD, loadId: `w${pieces}`, batches };
          const late = outcome(warehouse.load(load));
          void late.then(() => (done = true));
          await until(() => assert.ok(way.holding || done), 30_000);
          if (!done) held += 1;
          const { loaded } = await fixture.load(load.loadId, batches);
          assert.deepEqual(loaded, [batchId(10 * pieces + 1), batchId(10 * pieces + 2)]);
          const ended: boolean = done;
          way.release();
          await late;
          done = ended;
          await warehouse.close();
          await assertOnce(4 * (pieces + 1));
        }
        assert.ok(held >= 5, `kept back ${held} times`);
      });

    it('adds nothing to what another load has brought in meanwhile, and finds that', async () => {
      const batches = [fixture.batch(batchId(1), big('a'))];
      const { warehouse, way } = await openBehindProxy();
      way.holdAfter('requests', { bytes: 6_000_000 });
      const late = outcome(warehouse.load({ ...LOAD, loadId: 'w1', batches }));
      await until(() => assert.ok(way.holding), 30_000);
      assert.deepEqual((await fixture.load('w2', batches)).loaded, [batchId(1)]);
      way.release();
      const lost = await late;
      assert.ok(lost instanceof HeadgateError && lost.code === 'WAREHOUSE_UNAVAILABLE', String(lost));
      assert.deepEqual((await fixture.load('w1', batches)).alreadyHeld, [batchId(1)]);
      await warehouse.close();
      await assertOnce(BIG_ROWS);
    });

    it('is one of several that begin at once', async () => {
      const batches = [fixture.batch(batchId(1), [event('a'), event('b')])];
      const others = Array.from({ length: 4 }, () => openWarehouse(place));
      const loads = others.map((warehouse) => outcome(warehouse.load({ ...LOAD, loadId: 'w1', batches })));
      await Promise.all(loads);
      assert.equal((await fixture.load('w1', batches)).rows, 2);
      await Promise.all(others.map((warehouse) => warehouse.close()));
      await assertOnce(2);
    });
  });

  it('has promoted fields in their columns, digit by digit, and counts what did not fit', async () => {
    const promoted = [
      { column: 'minutes', path: ['minutes'], type: 'integer' as const },
      { column: 'rate', path: ['rate'], type: 'number' as const },
      { column: 'late', path: ['late'], type: 'boolean' as const },
      { column: 'landed', path: ['landed'], type: 'timestamp' as const },
    ];
    const data = '{"minutes":9007199254740993,"rate":0.5,"late":true,"landed":"2024-03-10T12:00:00.123456Z"}';
    const lines = [
      JSON.stringify(event('a', { data: 'N' })).replace('"N"', data),
      event('b', { data: { minutes: 'many' } }),
    ];
    const { rows, clashes } = await fixture.load('w1', [fixture.batch(batchId(1), lines)], { promoted });
    assert.deepEqual([rows, clashes], [2, { minutes: 1 }]);
    const columns = 'id, CAST(minutes AS STRING), rate, late, UNIX_MICROS(landed), TO_JSON_STRING(_clashes)';
    const table = `\`${PROJECT}.${place.prefix}_UA.events\``;
    const stored = await (emulator as WriteEmulator).rows(`SELECT ${columns} FROM ${table} ORDER BY id`);
    assert.deepEqual(stored[0]?.slice(0, 5), ['a', '9007199254740993', '0.5', 'true', '1710072000123456']);
    assert.deepEqual(stored[1]?.slice(0, 5), ['b', null, null, null, null]);
    assert.match(stored[1]?.[5] ?? '', /"minutes":\s*"many"/);
  });

  describe('a stream that is gone', () => {
    it('was committed if its rows are there', async () => {
      const batches = [fixture.batch(batchId(1), [event('a')])];
      await fixture.load('w1', batches);
      forgetStream();
      await fixture.restart();
      assert.deepEqual((await fixture.load('w2', batches)).alreadyHeld, [batchId(1)]);
      await assertOnce(1);
    });

    it('was not if they are not: they go by another one', async () => {
      const batches = [fixture.batch(batchId(1), [event('a')])];
      await kill(batches, 'bigquery-commit.before');
      forgetStream();
      assert.deepEqual((await fixture.load('w1', batches)).loaded, [batchId(1)]);
      assert.equal(streamsClaimed().length, 2);
      await assertOnce(1);
    });
  });

  it("takes no claim's word for a stream of another table", async () => {
    const batches: LoadBatch[] = [fixture.batch(batchId(1), [event('a')])];
    await kill(batches, 'bigquery-append.before');
    changeClaim((claim) => claim.replace('_UA/tables', '_DL/tables'));
    await assert.rejects(fixture.load('w1', batches), {
      code: 'WAREHOUSE_FAILED',
      retryable: true,
      message: /claim of tenant UA names a write stream that is not of its table/,
    });
  });

  const kill = async (batches: readonly LoadBatch[], point: string): Promise<void> => {
    const input = { ...LOAD, loadId: 'w1', batches };
    const killed = await printUntil(CHILD, [JSON.stringify([place, input, point, 1])], {});
    assert.equal(killed.signal, 'SIGKILL', killed.lines.join('\n'));
  };
  const claimFiles = (): string[] => {
    const root = join(fixture.dir, 'claims', 'UA', 'load-claims', 'events', '2024-03-10');
    return readdirSync(root).map((name) => join(root, name));
  };
  const streamsClaimed = (): string[] =>
    claimFiles().filter((path) => readFileSync(path, 'utf8').includes('/streams/'));
  const changeClaim = (change: (claim: string) => string): void => {
    const [path = ''] = claimFiles();
    const claim = readFileSync(path, 'utf8');
    assert.notEqual(change(claim), claim);
    writeFileSync(path, change(claim));
  };
  /** As if the stream had been deleted: those that are not committed are after some days. */
  const forgetStream = (): void =>
    changeClaim((claim) => claim.replace(/streams\/[0-9a-f]+/, 'streams/0123456789abcdef'));
});
