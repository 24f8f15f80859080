import assert from 'node:assert/strict';
import type { EventRow } from '../../src/events/event.js';
import { ownBatchId, startOwnBatch } from '../../src/subscriptions/own-batch.js';
import { batchWorkflowId } from '../../src/tenants/workflow-ids.js';
import type { IngestBatchResult, LoadWindowResult } from '../../src/workflows/messages/batches.js';
import { rowsInFiles } from '../support/parquet.js';
import { startPipeline, type Pipeline } from '../support/pipeline.js';

describe("a batch of Headgate's own", function () {
  this.timeout(60_000);
  let pipeline: Pipeline;

  before(async () => {
    pipeline = await startPipeline({ 'own-many': {}, 'own-again': {}, 'own-full': {} });
  });
  after(() => pipeline.stop());

  function start(tenant: string, batchId: string, ...events: EventRow[]): Promise<string | undefined> {
    const { client, stores, registry } = pipeline;
    const { batchStore } = stores;
    const tenantOf = (id: string) => registry.get(id);
    return startOwnBatch(
      { client, batchStore, tenantOf, isDraining: () => false },
      { tenant, batchId, events },
    );
  }

  function event(id: string, count = 1): EventRow {
    const time = '2026-11-30T10:00:00.000Z';
    const data = { count };
    return { specversion: '1.0', id, source: 'headgate', type: 'headgate.t', time, data, received_at: time };
  }

  async function loaded(tenant: string, batchId: string): Promise<void> {
    const { client } = pipeline;
    const batch = client.workflow.getHandle(batchWorkflowId(tenant, 'events', batchId));
    const { load } = (await batch.result()) as IngestBatchResult;
    (await client.workflow.getHandle(load.workflowId).result()) as LoadWindowResult;
  }

  const rows = (tenant: string) => rowsInFiles(pipeline.stores.paths.warehouse, tenant, 'events', 'id, data');

  it('loses none of those that come to one id at one moment', async () => {
    const wanted = ownBatchId(Date.now(), 'days');
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const ids = await Promise.all(names.map((name) => start('own-many', wanted, event(name))));
    assert.equal(new Set(ids).size, names.length);
    assert.equal(ids[0], wanted);
    for (const id of ids) await loaded('own-many', id!);
    const found = (await rows('own-many')).map(([id]) => id);
    assert.deepEqual(found.sort(), names);
  });

  it('that is started again with more to tell stays what it was', async () => {
    const wanted = ownBatchId(Date.now(), 'day');
    const other = await start('own-again', wanted, event('other'));
    const first = await start('own-again', wanted, event('mine', 1));
    const again = await start('own-again', wanted, event('mine', 2), event('more'));
    assert.deepEqual([other === wanted, first === other, again], [true, false, first]);
    for (const id of [other, first]) await loaded('own-again', id!);
    const found = (await rows('own-again')).map(([id, data]) => `${String(id)} ${String(data)}`);
    assert.deepEqual(found.sort(), ['mine {"count":1}', 'other {"count":1}']);
  });

  it('is refused once a moment has no id left', async () => {
    const wanted = ownBatchId(Date.now(), 'full');
    for (let n = 0; n < 36; n++) await start('own-full', wanted, event(`e${n}`));
    await assert.rejects(start('own-full', wanted, event('e36')), { code: 'BATCH_ID_TAKEN' });
  });
});
