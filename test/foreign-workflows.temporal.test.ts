import assert from 'node:assert/strict';
import type { WorkflowHandle } from '@temporalio/client';
import { createAnnounceActivities, windowAt } from '../src/activities/warehouse/announce.js';
import { createReceipts } from '../src/receipts/receipts.js';
import { createReplays } from '../src/replays/replays.js';
import { subscriptionAttributes } from '../src/tenants/search-attributes.js';
import { startBatch } from '../src/temporal/start-batch.js';
import { batchWorkflowId, loadWorkflowId, replayWorkflowId } from '../src/tenants/workflow-ids.js';
import type { DeadLetterMemo } from '../src/workflows/messages/deliveries.js';
import { INGEST_BATCH, LOAD_WINDOW, type IngestBatchInput } from '../src/workflows/messages/batches.js';
import { arrivals, startPipeline, type Pipeline } from './support/pipeline.js';
import { testNamespace } from './support/temporal.js';
import { until } from './support/until.js';

const VICTIM = 'fw-victim';
const OTHER = 'fw-other';

/** Headgate's workflow ids, taken by somebody else before Headgate comes to them. */
describe('a workflow that somebody else has started under an id of Headgate', function () {
  this.timeout(60_000);
  let pipeline: Pipeline;

  before(async () => {
    const hook = { name: 'hook', kind: 'pull' };
    const routed = { subscriptions: [hook], routes: [{ match: {}, to: ['hook'] }] };
    pipeline = await startPipeline({ [VICTIM]: routed, [OTHER]: {} });
  });
  after(() => pipeline?.stop());

  /** Of whatever type, for whichever tenant: nobody works on it. */
  const take = (workflowId: string, type: string, tenant: string): Promise<WorkflowHandle> =>
    pipeline.client.workflow.start(type, {
      workflowId,
      taskQueue: 'nobody',
      args: [{}],
      typedSearchAttributes: subscriptionAttributes(tenant, 'sync', 'events'),
    });

  const deadLettersOf = async (tenant: string): Promise<DeadLetterMemo[]> => {
    const found: DeadLetterMemo[] = [];
    const query = `HeadgateTenant = "${tenant}" AND HeadgateStatus = "dead-letter"`;
    for await (const { memo } of pipeline.client.workflow.list({ query }))
      found.push(memo as unknown as DeadLetterMemo);
    return found;
  };

  for (const [what, type, tenant] of [
    ['a type of its own, of another tenant', 'bookingSync', OTHER],
    ["Headgate's type, of another tenant", INGEST_BATCH, OTHER],
    ['a type of its own, of the same tenant', 'bookingSync', VICTIM],
  ] as const) {
    it(`is not taken for the batch: ${what}`, async () => {
      const before = (await deadLettersOf(VICTIM)).length;
      const [plan, chunk] = await pipeline.spooled(VICTIM, arrivals(`batch-${type}-${tenant}`, [10, 20]));
      const foreign = await take(batchWorkflowId(VICTIM, 'events', plan.batchId), type, tenant);
      const { ended } = pipeline.carry(plan, chunk);
      // The partition goes on, and the events are where somebody finds them.
      assert.equal(await ended, undefined);
      const letters = await until(async () => {
        const all = await deadLettersOf(VICTIM);
        assert.equal(all.length, before + 1);
        return all;
      }, 10_000);
      const letter = letters.find(({ batchId }) => batchId === plan.batchId);
      assert.equal(letter?.reason, 'start-refused');
      assert.match(letter.detail, /batch\/fw-victim\/.* is a "\w+" of fw-/);
      await foreign.terminate();
    });
  }

  it('is not taken for the batch of this tenant either, if its events are others', async () => {
    const { plan, ended } = await pipeline.submit(VICTIM, arrivals('restored', [10]));
    const load = (await ended)?.load;
    assert.ok(load);
    const batch = { ...plan, events: 1, bytes: 1, sha256: 'f'.repeat(64) };
    const contents = { types: [], firstEvent: '', lastEvent: '' };
    const input = { batch, contents, decided: { evaluated: 0, eligible: {} } } as unknown as IngestBatchInput;
    const start = { client: pipeline.client, isolationOf: () => 'pooled' as const };
    await assert.rejects(startBatch(start, input), { code: 'WORKFLOW_FOREIGN' });
  });

  it('is not taken for a delivery, or for a load window', async () => {
    const [plan, chunk] = await pipeline.spooled(VICTIM, arrivals('deliver', [10]));
    const foreign = await take(`deliver/${VICTIM}/hook/${plan.batchId}`, 'bookingSync', OTHER);
    const { handle } = pipeline.carry(plan, chunk);
    const startDeliveries = await until(async () => {
      const { raw } = await handle.describe();
      const pending = raw.pendingActivities?.find(
        ({ activityType }) => activityType?.name === 'startDeliveries',
      );
      assert.match(pending?.lastFailure?.message ?? '', /deliver\/fw-victim\/hook\/.* of fw-other/);
      return pending;
    }, 20_000);
    assert.equal(startDeliveries?.lastFailure?.applicationFailureInfo?.type, 'WORKFLOW_FOREIGN');
    // It goes through once a person has ended and deleted it.
    await foreign.terminate();
    await until(async () => {
      const { deliveries = [] } = (await handle.result()) as { deliveries?: string[] };
      assert.equal(deliveries.length, 1);
    }, 30_000);

    const now = Date.now() + 3_600_000;
    const { window } = windowAt(now, 1_000, VICTIM);
    const taken = await take(loadWorkflowId(VICTIM, window), 'bookingSync', OTHER);
    const { announce } = createAnnounceActivities({
      client: pipeline.client,
      windowsPerSecond: 1_000,
      windowsOf: () => ({ isolation: 'pooled', windowMs: 1_000 }),
      now: () => now,
    });
    const batch = { ...plan, events: 1, bytes: 1, sha256: 'f'.repeat(64) };
    await assert.rejects(announce([batch]), { code: 'WORKFLOW_FOREIGN' });
    await taken.terminate();
  });

  it('is shown by no receipt and by no replay', async () => {
    const { client, registry, stores } = pipeline;
    const receipts = createReceipts({ client, namespace: testNamespace() });
    const batchId = '20240310-0123abcd-00000000z';
    const batch = await take(batchWorkflowId(VICTIM, 'events', batchId), INGEST_BATCH, OTHER);
    await assert.rejects(receipts.receiptOf(VICTIM, batchId), { code: 'NOT_FOUND' });
    await batch.terminate();
    const replays = createReplays({
      client,
      namespace: testNamespace(),
      batchStore: stores.batchStore,
      node: '0123abcd',
      tenantOf: (tenant) => registry.get(tenant),
      spools: () => Promise.resolve([]),
      versionOf: () => Promise.reject(new Error('not asked')),
    });
    const replay = await take(replayWorkflowId(VICTIM, 'r1'), LOAD_WINDOW, VICTIM);
    await assert.rejects(replays.show(VICTIM, 'r1'), { code: 'NOT_FOUND' });
    await assert.rejects(replays.cancel(VICTIM, 'r1'), { code: 'NOT_FOUND' });
    assert.equal((await replay.describe()).status.name, 'RUNNING');
    await replay.terminate();
  });
});
