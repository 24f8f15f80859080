import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import type { NativeConnection } from '@temporalio/worker';
import { batchPath, createFileBatchStore } from '../../src/stores/batch-store/file.js';
import { createParquetWarehouse } from '../../src/stores/warehouse/parquet/parquet.js';
import type { LoadInput, Warehouse } from '../../src/stores/warehouse/warehouse.js';
import { tenantQueue } from '../../src/tenants/queues.js';
import { observeLoads, paceLoads } from '../../src/workers/observed-warehouse.js';
import { Pace } from '../../src/workers/pace.js';
import { createQueueRates, type QueueRate, type QueueRates } from '../../src/temporal/queue-rates.js';
import { recordedLog } from '../support/log.js';
import { arrivals, connect, startPipeline } from '../support/pipeline.js';
import { countInFiles } from '../support/parquet.js';
import { temporalAddress, temporalBinary, testNamespace } from '../support/temporal.js';
import { until } from '../support/until.js';

const WITHIN_MS = 15_000;

describe('the pace of loads', function () {
  this.timeout(60_000);
  let connection: NativeConnection;
  let rates: QueueRates;
  let dir: string;
  let root: string;
  let now: number;
  let ceilings: Record<string, number>;
  let recorded: ReturnType<typeof recordedLog>;
  let parquet: Warehouse;
  let paces: Pace[];

  before(async () => {
    connection = await connect();
    rates = createQueueRates(connection, testNamespace());
  });
  after(() => connection.close());
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-pace-'));
    root = join(dir, 'warehouse');
    await mkdir(root);
    parquet = createParquetWarehouse({ root });
    now = 1_000_000;
    ceilings = {};
    recorded = recordedLog();
    paces = [];
  });
  afterEach(async () => {
    for (const pace of paces) await pace.close();
    await parquet.close();
    await rm(dir, { recursive: true, force: true });
  });

  function open(seen: QueueRates = rates): Pace {
    const pace = new Pace({
      rates: seen,
      ceilingOf: (tenant) => ceilings[tenant],
      log: recorded.log,
      writeEveryMs: 1,
      now: () => now,
    });
    paces.push(pace);
    return pace;
  }

  /** One load of one batch, some seconds after the one before; a file where the tenant's directory should be fails it. */
  let sequence = 0;
  async function load(pace: Pace, tenant: string, afterMs = 5_000): Promise<void> {
    now += afterMs;
    const batchId = `20240310-0123abcd-${String(++sequence).padStart(9, '0')}`;
    const row = { id: batchId, time: '2024-03-10T12:00:00Z', received_at: '2024-03-10T12:00:00Z' };
    const store = createFileBatchStore(join(dir, 'batches'));
    const ref = await store.write(
      { tenant, stream: 'events', batchId },
      gzipSync(`${JSON.stringify(row)}\n`),
      1,
    );
    const input: LoadInput = {
      tenant,
      stream: 'events',
      loadId: batchId,
      day: '2024-03-10',
      loadedAt: '2024-03-10T12:00:05.000Z',
      batches: [{ batchId, path: batchPath(join(dir, 'batches'), ref), rows: 1 }],
    };
    await observeLoads(parquet, paceLoads(pace))
      .load(input)
      .catch(() => undefined);
  }
  async function breakWarehouse(tenant: string): Promise<void> {
    await rename(join(root, tenant), join(root, `${tenant}-away`)).catch(() => undefined);
    await writeFile(join(root, tenant), 'not a directory');
  }
  async function fixWarehouse(tenant: string): Promise<void> {
    await rm(join(root, tenant));
    await rename(join(root, `${tenant}-away`), join(root, tenant)).catch(() => undefined);
  }

  const rateBecomes = (tenant: string, check: (rate: QueueRate) => void) =>
    until(async () => {
      const rate = await rates.get(tenantQueue(tenant));
      assert.ok(rate);
      check(rate);
    }, WITHIN_MS);

  it('falls while the warehouse fails, rises when it works again, and says both', async () => {
    ceilings = { 'pace-falls': 200, 'pace-other': 200 };
    const pace = open();
    await pace.align('pace-falls');
    await pace.align('pace-other');
    await load(pace, 'pace-falls');
    await load(pace, 'pace-other');
    await breakWarehouse('pace-falls');
    for (let n = 0; n < 10; n++) await load(pace, 'pace-falls');
    await rateBecomes('pace-falls', ({ activitiesPerSecond, reason }) => {
      assert.ok(activitiesPerSecond >= 0.0999 && activitiesPerSecond < 0.12, `${activitiesPerSecond}`);
      assert.match(reason, /^headgate pace: held back to 0.1\d* of 200 activities\/s \(WAREHOUSE_FAILED\)$/);
    });
    await rateBecomes('pace-other', ({ activitiesPerSecond }) => assert.equal(activitiesPerSecond, 200));
    assert.deepEqual(Object.fromEntries(pace.rates()), { 'pace-falls': 0.1, 'pace-other': 200 });
    await fixWarehouse('pace-falls');
    for (let n = 0; n < 10; n++) await load(pace, 'pace-falls');
    await rateBecomes('pace-falls', (rate) =>
      assert.deepEqual(rate, {
        activitiesPerSecond: 200,
        reason: "limits.activitiesPerSecond of the tenant's configuration",
      }),
    );
    const logged = recorded.lines.map(({ id, tenant, reason }) => [id, tenant, reason]);
    assert.deepEqual(logged[0], ['LOADS_SLOWED', 'pace-falls', 'WAREHOUSE_FAILED']);
    assert.deepEqual(logged.at(-1), ['LOAD_RATE_RESTORED', 'pace-falls', undefined]);
  });

  it('stays at 0 for a paused tenant, and follows a change of the configuration', async () => {
    ceilings = { 'pace-paused': 0 };
    const pace = open();
    await pace.align('pace-paused');
    await breakWarehouse('pace-paused');
    for (let n = 0; n < 3; n++) await load(pace, 'pace-paused');
    await pace.align('pace-paused');
    await rateBecomes('pace-paused', ({ activitiesPerSecond }) => assert.equal(activitiesPerSecond, 0));
    ceilings = { 'pace-paused': 50 };
    await pace.align('pace-paused');
    await rateBecomes('pace-paused', ({ activitiesPerSecond }) => assert.equal(activitiesPerSecond, 50));
    await load(pace, 'pace-paused');
    await rateBecomes('pace-paused', ({ activitiesPerSecond }) => assert.ok(activitiesPerSecond < 1));
    ceilings = { 'pace-paused': 0 };
    await pace.align('pace-paused');
    await rateBecomes('pace-paused', ({ activitiesPerSecond }) =>
      assert.equal(activitiesPerSecond, 0, 'held back, and paused'),
    );
    ceilings = { 'pace-paused': 60 };
    await pace.align('pace-paused');
    assert.ok(
      ((await rates.get(tenantQueue('pace-paused')))?.activitiesPerSecond ?? 60) < 1,
      'and still held back',
    );
  });

  it('is not reset by a process that starts, and is given up by one whose loads go well', async () => {
    ceilings = { 'pace-shared': 200 };
    const first = open();
    await first.align('pace-shared');
    await breakWarehouse('pace-shared');
    for (let n = 0; n < 3; n++) await load(first, 'pace-shared');
    await rateBecomes('pace-shared', ({ activitiesPerSecond }) => assert.ok(activitiesPerSecond < 1));
    await first.close();
    await fixWarehouse('pace-shared');
    const second = open();
    await second.align('pace-shared');
    assert.ok(((await rates.get(tenantQueue('pace-shared')))?.activitiesPerSecond ?? 200) < 1);
    for (let n = 0; n < 10; n++) await load(second, 'pace-shared');
    await rateBecomes('pace-shared', ({ activitiesPerSecond }) => assert.equal(activitiesPerSecond, 200));
  });

  it('is agreed on by processes that share a queue: what the other wrote is noticed', async () => {
    ceilings = { 'pace-two': 200 };
    const [failing, other] = [open(), open()];
    await failing.align('pace-two');
    await other.align('pace-two');
    await breakWarehouse('pace-two');
    for (let n = 0; n < 5; n++) await load(failing, 'pace-two');
    await rateBecomes('pace-two', ({ activitiesPerSecond }) => assert.ok(activitiesPerSecond < 1));
    ceilings = { 'pace-two': 100 };
    await other.align('pace-two');
    await rateBecomes('pace-two', ({ activitiesPerSecond }) =>
      assert.equal(activitiesPerSecond, 100, 'which knows of no failure'),
    );
    await load(failing, 'pace-two', 31_000);
    await rateBecomes('pace-two', ({ activitiesPerSecond }) => assert.ok(activitiesPerSecond < 1));
    // The failing one is gone; the other has work again.
    await failing.close();
    await fixWarehouse('pace-two');
    await load(other, 'pace-two', 300_001);
    await until(() => assert.ok((Object.fromEntries(other.rates())['pace-two'] ?? 1) < 1), WITHIN_MS);
    for (let n = 0; n < 10; n++) await load(other, 'pace-two');
    await rateBecomes('pace-two', ({ activitiesPerSecond }) => assert.equal(activitiesPerSecond, 100));
  });

  it('is not held back by what the same process has written before, read late', async () => {
    ceilings = { 'pace-late': 200 };
    let answered: Promise<unknown> = Promise.resolve();
    let looks = 0;
    const late: QueueRates = {
      ...rates,
      get: async (tenant) => {
        looks++;
        await answered;
        return rates.get(tenant);
      },
    };
    const pace = open(late);
    await pace.align('pace-late');
    await breakWarehouse('pace-late');
    for (let n = 0; n < 3; n++) await load(pace, 'pace-late');
    await rateBecomes('pace-late', ({ activitiesPerSecond }) => assert.ok(activitiesPerSecond < 1));
    let answer: (value?: unknown) => void = () => undefined;
    answered = new Promise((resolve) => (answer = resolve));
    await load(pace, 'pace-late', 31_000);
    await until(() => assert.equal(looks, 2), WITHIN_MS);
    await fixWarehouse('pace-late');
    for (let n = 0; n < 10; n++) await load(pace, 'pace-late');
    assert.deepEqual(Object.fromEntries(pace.rates()), { 'pace-late': 200 });
    answer();
    await rateBecomes('pace-late', ({ activitiesPerSecond }) => assert.equal(activitiesPerSecond, 200));
  });

  it('leaves a rate that an operator has set by hand', async () => {
    ceilings = { 'pace-hand': 200 };
    const pace = open();
    await pace.align('pace-hand');
    const byHand = { activitiesPerSecond: 3, reason: 'by hand' };
    await rates.set(tenantQueue('pace-hand'), byHand);
    await rateBecomes('pace-hand', (rate) => assert.deepEqual(rate, byHand));
    await load(pace, 'pace-hand', 300_001);
    await load(pace, 'pace-hand', 300_001);
    await pace.close();
    assert.deepEqual(await rates.get(tenantQueue('pace-hand')), byHand);
  });

  it('is seen by operators, holds back real loads, and loses nothing', async () => {
    const pipeline = await startPipeline({ 'pace-real': {} });
    try {
      const place = join(pipeline.stores.paths.warehouse, 'pace-real');
      await mkdir(pipeline.stores.paths.warehouse, { recursive: true });
      await writeFile(place, 'not a directory');
      const result = await (await pipeline.submit('pace-real', arrivals('real', [90, 10]))).ended;
      await rateBecomes('pace-real', ({ reason }) =>
        assert.match(reason, /held back .* \(WAREHOUSE_FAILED\)/),
      );
      const { stdout } = await promisify(execFile)(await temporalBinary(), [
        'task-queue',
        'config',
        'get',
        '--address',
        temporalAddress(),
        '--namespace',
        testNamespace(),
        '--task-queue',
        tenantQueue('pace-real'),
        '--task-queue-type',
        'activity',
      ]);
      assert.match(stdout, /headgate pace: held back/);
      await rm(place);
      await pipeline.client.workflow.getHandle(result!.load.workflowId).result();
      assert.equal((await countInFiles(pipeline.stores.paths.warehouse, 'pace-real')).events, 2);
    } finally {
      await pipeline.stop();
    }
  });
});
