import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { LoadBatchesInput } from '../../../src/activities/warehouse/load-batches.js';
import { createLoadActivities } from '../../../src/activities/warehouse/load-batches.js';
import { HeadgateError } from '../../../src/errors.js';
import type { BatchRef, Stream } from '../../../src/events/event.js';
import type { BatchStore } from '../../../src/stores/batch-store/batch-store.js';
import { batchPath, createFileBatchStore } from '../../../src/stores/batch-store/file.js';
import { createParquetWarehouse } from '../../../src/stores/warehouse/parquet/parquet.js';
import { queryTenant } from '../../../src/stores/warehouse/parquet/query.js';
import type { Warehouse } from '../../../src/stores/warehouse/warehouse.js';

/** Nothing is paused. */
const holdLoads = (): Promise<void> => Promise.resolve();

const failure = (type: string, nonRetryable: boolean) => (error: unknown) =>
  error instanceof ApplicationFailure && error.type === type && error.nonRetryable === nonRetryable;

describe('the activity loadBatches', function () {
  this.timeout(20_000);
  let dir: string;
  let batchStore: BatchStore;
  let warehouse: Warehouse;
  const opened: Warehouse[] = [];

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'headgate-load-'));
    batchStore = createFileBatchStore(join(dir, 'batches'));
    warehouse = createParquetWarehouse({ root: join(dir, 'warehouse') });
    opened.push(warehouse);
  });
  afterEach(async () => {
    for (const each of opened.splice(0)) await each.close();
    rmSync(dir, { recursive: true, force: true });
  });

  async function write(sequence: number, tenant = 'UA', stream: Stream = 'events'): Promise<BatchRef> {
    const batchId = `20240310-0123abcd-00000000${sequence}`;
    const row = { id: `e${sequence}`, time: '2024-03-10T12:00:00Z', received_at: '2024-03-10T12:00:00Z' };
    return batchStore.write({ tenant, stream, batchId }, gzipSync(`${JSON.stringify(row)}\n`), 1);
  }

  async function countEvents(): Promise<unknown> {
    const sql = 'SELECT count(*) FROM events';
    return (await queryTenant({ root: join(dir, 'warehouse'), tenant: 'UA', sql })).rows[0]?.[0];
  }

  const input = (batches: BatchRef[], more: Partial<LoadBatchesInput> = {}): LoadBatchesInput => ({
    tenant: 'UA',
    window: '20240310T120000.000Z',
    loadedAt: '2024-03-10T12:00:05.000Z',
    batches,
    ...more,
  });

  /** A warehouse whose load goes on until the signal aborts, or for `ms`. */
  const slow = (ms: number): Warehouse => ({
    load: ({ loadId, signal }) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(
          () => resolve({ loadId, rows: 0, bytes: 0, loaded: [], alreadyHeld: [] }),
          ms,
        );
        signal?.addEventListener('abort', () => {
          clearTimeout(timer);
          reject(signal.reason as Error);
        });
      }),
    close: async () => undefined,
  });

  it('loads the batch files of the references, and an announcement again adds nothing', async () => {
    const { loadBatches } = createLoadActivities({ warehouse, batchStore, holdLoads });
    const refs = [await write(1), await write(2)];
    const [result] = await loadBatches(input(refs));
    assert.deepEqual([result?.rows, result?.loaded], [2, refs.map((ref) => ref.batchId)]);
    const [again] = await loadBatches(input(refs, { window: '20240310T120005.000Z' }));
    assert.deepEqual([again?.rows, again?.alreadyHeld], [0, result?.loaded]);
    assert.equal(await countEvents(), 2);
  });

  it('makes one load of each stream, whatever the order they come in, and none of a stream that has none', async () => {
    const { loadBatches } = createLoadActivities({ warehouse, batchStore, holdLoads });
    const refs = [await write(1, 'UA', 'decisions'), await write(2), await write(1), await write(3)];
    const results = await loadBatches(input(refs));
    assert.deepEqual(
      results.map(({ stream, rows, loaded }) => [stream, rows, loaded]),
      [
        ['events', 3, [refs[2], refs[1], refs[3]].map((ref) => ref!.batchId)],
        ['decisions', 1, [refs[0]!.batchId]],
      ],
    );
    for (const { stream, file } of results) assert.ok(file?.startsWith(`${stream}/`), file);
    assert.deepEqual(await loadBatches(input([])), []);
  });

  it('names a load by its window and members: the same for every attempt, another for others', async () => {
    const { loadBatches } = createLoadActivities({ warehouse, batchStore, holdLoads });
    const [a, b] = [await write(1), await write(2)];
    const loadIdOf = async (refs: BatchRef[], more = {}) => (await loadBatches(input(refs, more)))[0]?.loadId;
    const first = await loadIdOf([a, b]);
    assert.equal(await loadIdOf([b, a]), first);
    assert.notEqual(await loadIdOf([a]), first);
    assert.notEqual(await loadIdOf([a, b], { window: '20240310T120005.000Z' }), first);
  });

  it('fails for good, naming the batch, when a file is gone', async () => {
    const { loadBatches } = createLoadActivities({ warehouse, batchStore, holdLoads });
    const [there, gone] = [await write(1), await write(2)];
    rmSync(batchPath(join(dir, 'batches'), gone));
    await assert.rejects(loadBatches(input([there, gone])), (error: Error) => {
      assert.match(error.message, new RegExp(gone.batchId));
      return failure('NOT_FOUND', true)(error);
    });
    assert.equal(await countEvents(), 0);
  });

  it("refuses for good another tenant's batch, also among its own, and what is no tenant", async () => {
    const { loadBatches } = createLoadActivities({ warehouse, batchStore, holdLoads });
    const [own, other] = [await write(1), await write(2, 'DL')];
    await assert.rejects(loadBatches(input([own, other])), failure('STATE_CONFLICT', true));
    assert.equal(await countEvents(), 0);
    await assert.rejects(loadBatches(input([], { tenant: '../UA' })), failure('TENANT_ID_INVALID', true));
  });

  it('may be retried after a failure of the warehouse', async () => {
    const { loadBatches } = createLoadActivities({ warehouse, batchStore, holdLoads });
    const batchId = '20240310-0123abcd-000000009';
    const torn = await batchStore.write(
      { tenant: 'UA', stream: 'events', batchId },
      gzipSync('{"id": \n'),
      1,
    );
    await assert.rejects(loadBatches(input([torn])), failure('WAREHOUSE_FAILED', false));
  });

  it('is held back before anything is loaded, by the streams that it has', async () => {
    const asked: unknown[] = [];
    const { loadBatches } = createLoadActivities({
      warehouse,
      batchStore,
      holdLoads: async (tenant, streams) => {
        asked.push([tenant, streams]);
        throw new HeadgateError('WAREHOUSE_QUOTA', 'too many', { retryable: true, retryAfterSeconds: 900 });
      },
    });
    const refs = [await write(1, 'UA', 'decisions'), await write(1)];
    await assert.rejects(loadBatches(input(refs)), failure('WAREHOUSE_QUOTA', false));
    assert.deepEqual(asked, [['UA', ['events', 'decisions']]]);
    assert.equal(await countEvents(), 0);
  });

  it('is paused when the warehouse refuses it, and by no other failure', async () => {
    const paused: unknown[] = [];
    let thrown = new HeadgateError('WAREHOUSE_REFUSED', 'Access Denied');
    const refusing: Warehouse = { load: () => Promise.reject(thrown), close: async () => undefined };
    const { loadBatches } = createLoadActivities({
      warehouse: refusing,
      batchStore,
      holdLoads,
      pauseLoads: async (tenant, { code, message }, beganAt) => {
        assert.ok(beganAt <= Date.now());
        paused.push([tenant, message]);
        return new HeadgateError(code, `${message}: paused`, { retryable: true });
      },
    });
    const refs = [await write(1)];
    await assert.rejects(loadBatches(input(refs)), /Access Denied: paused/);
    await assert.rejects(loadBatches(input(refs)), failure('WAREHOUSE_REFUSED', false));
    thrown = new HeadgateError('WAREHOUSE_UNAVAILABLE', '503', { retryable: true });
    await assert.rejects(loadBatches(input(refs)), failure('WAREHOUSE_UNAVAILABLE', false));
    assert.deepEqual(paused, [
      ['UA', 'Access Denied'],
      ['UA', 'Access Denied'],
    ]);
  });

  it('heartbeats while it works, and not after', async () => {
    const environment = new MockActivityEnvironment();
    let beats = 0;
    environment.on('heartbeat', () => (beats += 1));
    const { loadBatches } = createLoadActivities({
      warehouse: slow(200),
      batchStore,
      holdLoads,
      heartbeatIntervalMs: 20,
    });
    await environment.run(loadBatches, input([await write(1)]));
    assert.ok(beats >= 2, `${beats} heartbeats`);
    const after = beats;
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.equal(beats, after);
  });

  it('ends as cancelled when it is cancelled', async () => {
    const environment = new MockActivityEnvironment();
    const { loadBatches } = createLoadActivities({ warehouse: slow(10_000), batchStore, holdLoads });
    const running = environment.run(loadBatches, input([await write(1)]));
    environment.cancel('CANCELLED');
    await assert.rejects(running, CancelledFailure);
  });
});
