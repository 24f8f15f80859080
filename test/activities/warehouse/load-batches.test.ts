import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { LoadBatchesInput } from '../../../src/activities/warehouse/load-batches.js';
import { createLoadActivities } from '../../../src/activities/warehouse/load-batches.js';
import type { BatchRef, Stream } from '../../../src/event.js';
import type { BatchStore } from '../../../src/stores/batch-store/batch-store.js';
import { createFileBatchStore } from '../../../src/stores/batch-store/file.js';
import { createParquetWarehouse } from '../../../src/stores/warehouse/parquet.js';
import { queryTenant } from '../../../src/stores/warehouse/query.js';
import type { Warehouse } from '../../../src/stores/warehouse/warehouse.js';

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
    return batchStore.write({ tenant, stream, batchId }, Buffer.from(`${JSON.stringify(row)}\n`), 1);
  }

  async function countEvents(): Promise<unknown> {
    const sql = 'SELECT count(*) FROM events';
    return (await queryTenant({ root: join(dir, 'warehouse'), tenant: 'UA', sql })).rows[0]?.[0];
  }

  const input = (batches: BatchRef[], more: Partial<LoadBatchesInput> = {}): LoadBatchesInput => ({
    tenant: 'UA',
    stream: 'events',
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
    const { loadBatches } = createLoadActivities({ warehouse, batchStore });
    const refs = [await write(1), await write(2)];
    const result = await loadBatches(input(refs));
    assert.deepEqual([result.rows, result.loaded], [2, refs.map((ref) => ref.batchId)]);
    const again = await loadBatches(input(refs, { window: '20240310T120005.000Z' }));
    assert.deepEqual([again.rows, again.alreadyHeld], [0, result.loaded]);
    assert.equal(await countEvents(), 2);
  });

  it('fails for good, naming the batch, when a file is gone', async () => {
    const { loadBatches } = createLoadActivities({ warehouse, batchStore });
    const [there, gone] = [await write(1), await write(2)];
    rmSync(batchStore.pathOf(gone));
    await assert.rejects(loadBatches(input([there, gone])), (error: Error) => {
      assert.match(error.message, new RegExp(gone.batchId));
      return failure('NOT_FOUND', true)(error);
    });
    assert.equal(await countEvents(), 0);
  });

  it("refuses for good another tenant's or stream's batch, and what is no tenant", async () => {
    const { loadBatches } = createLoadActivities({ warehouse, batchStore });
    for (const ref of [await write(1, 'DL'), await write(2, 'UA', 'decisions')]) {
      await assert.rejects(loadBatches(input([ref])), failure('STATE_CONFLICT', true));
    }
    await assert.rejects(loadBatches(input([], { tenant: '../UA' })), failure('TENANT_ID_INVALID', true));
  });

  it('may be retried after a failure of the warehouse', async () => {
    const { loadBatches } = createLoadActivities({ warehouse, batchStore });
    const batchId = '20240310-0123abcd-000000009';
    const torn = await batchStore.write(
      { tenant: 'UA', stream: 'events', batchId },
      Buffer.from('{"id": \n'),
      1,
    );
    await assert.rejects(loadBatches(input([torn])), failure('WAREHOUSE_FAILED', false));
  });

  it('heartbeats while it works, and not after', async () => {
    const environment = new MockActivityEnvironment();
    let beats = 0;
    environment.on('heartbeat', () => (beats += 1));
    const { loadBatches } = createLoadActivities({
      warehouse: slow(200),
      batchStore,
      heartbeatIntervalMs: 20,
    });
    await environment.run(loadBatches, input([]));
    assert.ok(beats >= 2, `${beats} heartbeats`);
    const after = beats;
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.equal(beats, after);
  });

  it('ends as cancelled when it is cancelled', async () => {
    const environment = new MockActivityEnvironment();
    const { loadBatches } = createLoadActivities({ warehouse: slow(10_000), batchStore });
    const running = environment.run(loadBatches, input([]));
    environment.cancel('CANCELLED');
    await assert.rejects(running, CancelledFailure);
  });
});
