import assert from 'node:assert/strict';
import type { NativeConnection } from '@temporalio/worker';
import { aboutPartitions, partitionsOf } from '../../src/commands/check-partitions.js';
import { createQueueRates } from '../../src/temporal/queue-rates.js';
import type { LoadWindowResult } from '../../src/workflows/messages/batches.js';
import { tenantQueue } from '../../src/tenants/queues.js';
import { arrivals, connect, startPipeline } from '../support/pipeline.js';
import { countInFiles } from '../support/parquet.js';
import { testNamespace } from '../support/temporal.js';
import { until } from '../support/until.js';

/** Activities per second as Temporal itself has them for the tenant's queue. */
async function rateOf(connection: NativeConnection, tenant: string): Promise<number | undefined> {
  return (await createQueueRates(connection, testNamespace()).get(tenantQueue(tenant)))?.activitiesPerSecond;
}

describe('the rate of a tenant', function () {
  this.timeout(30_000);

  it('is kept by the server, for the queue and not by the Workers', async () => {
    const connection = await connect();
    try {
      const rates = createQueueRates(connection, testNamespace());
      assert.equal(await rates.get('rl-kept'), undefined);
      for (const activitiesPerSecond of [7, 0.5]) {
        const rate = { activitiesPerSecond, reason: `a test of ${activitiesPerSecond}` };
        await rates.set('rl-kept', rate);
        await until(async () => assert.deepEqual(await rates.get('rl-kept'), rate), 5_000);
      }
    } finally {
      await connection.close();
    }
  });

  it('is exact where a queue has one partition, and the doctor says where it has more', async () => {
    const connection = await connect();
    try {
      const partitions = await partitionsOf(connection.workflowService, testNamespace());
      assert.equal(partitions, 1);
      assert.equal(aboutPartitions('it answers', partitions), undefined);
      assert.match(aboutPartitions('it answers', 4)?.found ?? '', /over 4 partitions: rates .* in lumps/);
    } finally {
      await connection.close();
    }
  });

  it('follows the configuration; 0 pauses the loads of the tenant and of no other, more resumes them', async () => {
    const paused = { limits: { activitiesPerSecond: 0 } };
    const pipeline = await startPipeline({ 'rl-paused': paused, 'rl-other': {} });
    try {
      assert.equal(await rateOf(pipeline.connection, 'rl-paused'), 0);
      assert.equal(await rateOf(pipeline.connection, 'rl-other'), 200);
      const load = async (tenant: string) => {
        // Local activities have no rate: the batch is announced, and only the load waits.
        const { ended } = await pipeline.submit(tenant, arrivals(tenant, [90]));
        const result = await ended;
        return pipeline.client.workflow.getHandle(result!.load.workflowId);
      };
      const [held, free] = [await load('rl-paused'), await load('rl-other')];
      await free.result();
      // One that was asked for later, and has had the time it takes.
      await (await load('rl-other')).result();
      assert.equal((await held.describe()).status.name, 'RUNNING');
      const inFiles = () => countInFiles(pipeline.stores.paths.warehouse, 'rl-paused');
      assert.equal((await inFiles()).events, 0);

      await pipeline.tenant('rl-paused', { limits: { activitiesPerSecond: 50 } });
      await until(async () => assert.equal(await rateOf(pipeline.connection, 'rl-paused'), 50), 5_000);
      const { loads } = (await held.result()) as LoadWindowResult;
      assert.deepEqual(
        loads.map(({ rows }) => rows),
        [1, 1],
      );
      assert.deepEqual(await inFiles(), { events: 1, user_properties: 0, decisions: 1 });
    } finally {
      await pipeline.stop();
    }
  });
});
