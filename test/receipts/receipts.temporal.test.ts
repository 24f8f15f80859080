import assert from 'node:assert/strict';
import { createAnnounceActivities } from '../../src/activities/warehouse/announce.js';
import { createReceipts, type BatchReceipt, type Receipts } from '../../src/receipts/receipts.js';
import { arrivals, startPipeline, type Pipeline } from '../support/pipeline.js';
import { testNamespace, uiPage } from '../support/temporal.js';
import { until } from '../support/until.js';

const LOADED_WITHIN_MS = 15_000;

describe('A receipt', function () {
  this.timeout(60_000);
  let pipeline: Pipeline;
  let receipts: Receipts;

  before(async () => {
    pipeline = await startPipeline({ 'receipts-a': {}, 'receipts-b': {} });
    const uiUrl = 'http://127.0.0.1:1';
    receipts = createReceipts({ client: pipeline.client, namespace: testNamespace(), uiUrl });
  });
  after(() => pipeline?.stop());
  afterEach(() => {
    delete pipeline.replaced.announce;
  });

  /** The receipt once both the batch and its decisions are loaded. */
  function loaded(tenant: string, batchId: string): Promise<BatchReceipt> {
    return until(async () => {
      const receipt = await receipts.receiptOf(tenant, batchId);
      assert.deepEqual(
        receipt.load?.loads.map(({ stream }) => stream),
        ['events', 'decisions'],
      );
      return receipt;
    }, LOADED_WITHIN_MS);
  }

  it('leads from the batch to its decisions, its loads and their pages', async () => {
    const { plan, ended } = await pipeline.submit('receipts-a', arrivals('one', [10, 90]));
    await ended;
    const { workflow, decisions, load } = await loaded('receipts-a', plan.batchId);
    assert.equal(workflow.status, 'completed');
    assert.match(workflow.url ?? '', uiPage('batch%2F'));
    assert.deepEqual(decisions, { evaluated: 2, eligible: { late: 1 } });
    for (const { stream, file, alreadyHeld } of load?.loads ?? []) {
      assert.match(file ?? '', new RegExp(`^${stream}/day=\\d{4}-\\d\\d-\\d\\d/.+\\.parquet$`));
      assert.equal(alreadyHeld, false);
    }
    assert.match(load?.workflow.workflowId ?? '', /^load\/receipts-a\/\d{8}T\d{6}\.\d{3}Z$/);
  });

  it('names the load that holds the batch also when its window was opened again by a later one', async () => {
    const now = Date.now();
    const windowsOf = () => ({ isolation: 'pooled', windowMs: 1_000 }) as const;
    const { announce } = createAnnounceActivities({
      client: pipeline.client,
      windowsOf,
      windowsPerSecond: 1_000,
      now: () => now,
    });
    pipeline.replaced.announce = announce;
    const loads: string[] = [];
    const windows: string[] = [];
    const batches: string[] = [];
    for (const prefix of ['early', 'late']) {
      const { plan, ended } = await pipeline.submit('receipts-a', arrivals(prefix, [90]));
      await ended;
      await loaded('receipts-a', plan.batchId);
      batches.push(plan.batchId);
    }
    for (const batchId of batches) {
      const { load } = await loaded('receipts-a', batchId);
      loads.push(load?.loads[0]?.loadId ?? '');
      windows.push(load?.workflow.workflowId ?? '');
    }
    assert.equal(new Set(windows).size, 1);
    assert.equal(new Set(loads).size, 2);
  });

  it("is not to be had for another tenant's batch, nor for one that is not there", async () => {
    const { plan, ended } = await pipeline.submit('receipts-a', arrivals('mine', [10]));
    await ended;
    for (const [tenant, batchId] of [
      ['receipts-b', plan.batchId],
      ['receipts-a', '20200101-00000000-000000001'],
    ] as const) {
      await assert.rejects(receipts.receiptOf(tenant, batchId), { code: 'NOT_FOUND' });
    }
  });
});
