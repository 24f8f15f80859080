import assert from 'node:assert/strict';
import { Context } from '@temporalio/activity';
import { deliveryReceipts, type DeliveryReceipt } from '../../src/receipts/delivery-receipts.js';
import { createReceipts, type Receipts } from '../../src/receipts/receipts.js';
import type { EventRow } from '../../src/events/event.js';
import { LineSet } from '../../src/events/line-set.js';
import { subscriptionAttributes } from '../../src/tenants/search-attributes.js';
import { batchWorkflowId, deliverWorkflowId } from '../../src/tenants/workflow-ids.js';
import { DELIVER, type PassInput, type PassResult } from '../../src/workflows/messages/deliveries.js';
import { startTestApi } from '../support/api.js';
import { gate } from '../support/gate.js';
import { arrivals, startPipeline, type Pipeline } from '../support/pipeline.js';
import { testNamespace, uiPage } from '../support/temporal.js';
import { until } from '../support/until.js';

const TENANT = 'receipts-to';
const SUBSCRIPTIONS = ['fine', 'broken', 'later', 'busy'].map((name) => ({
  name,
  kind: 'push',
  url: 'https://crm.example/hooks',
}));
const HOUR_MS = 60 * 60 * 1000;

describe("a receipt's deliveries", function () {
  this.timeout(60_000);
  const busy = gate();
  let pipeline: Pipeline;
  let receipts: Receipts;

  /** What each subscription's endpoint comes to with three events. */
  const PASSES: Readonly<Record<string, (input: PassInput) => PassResult | Promise<PassResult>>> = {
    fine: () => ({ delivered: 3, failed: 0, pending: [], dead: [] }),
    broken: () => {
      const dead = { reason: 'attempts-exhausted', detail: 'HTTP 500', attempts: 10 } as const;
      return {
        delivered: 2,
        failed: 1,
        pending: [],
        dead: [{ ...dead, lines: LineSet.of([1]).encode(), count: 1 }],
      };
    },
    later: () => {
      const left = { attempts: 1, lines: LineSet.of([0, 2]).encode(), count: 2 };
      const dueAt = Date.parse('2100-01-01T00:00:00Z');
      return { delivered: 1, failed: 2, pending: [{ ...left, dueAt }], retryAfterMs: HOUR_MS, dead: [] };
    },
    busy: async () => {
      Context.current().heartbeat({ delivered: LineSet.of([0, 1]).encode() });
      await busy.passed;
      return { delivered: 3, failed: 0, pending: [], dead: [] };
    },
  };

  before(async () => {
    const to = SUBSCRIPTIONS.map(({ name }) => name);
    const config = { subscriptions: SUBSCRIPTIONS, routes: [{ match: {}, to }], aggregates: {}, rules: [] };
    pipeline = await startPipeline({ [TENANT]: config, 'receipts-loop': config, 'receipts-other': {} });
    pipeline.replaced.pushPass = async (input) => PASSES[input.subscription]!(input);
    const { client } = pipeline;
    receipts = createReceipts({ client, namespace: testNamespace(), uiUrl: 'http://127.0.0.1:1' });
  });
  after(async () => {
    busy.open();
    await pipeline?.stop();
  });

  async function submitted(tenant: string, rows: readonly EventRow[]): Promise<string> {
    const { plan, ended } = await pipeline.submit(tenant, rows);
    await ended;
    return plan.batchId;
  }

  async function deliveriesOf(tenant: string, batchId: string): Promise<Map<string, DeliveryReceipt>> {
    const { deliveries = [] } = await receipts.receiptOf(tenant, batchId);
    return new Map(deliveries.map((delivery) => [delivery.subscription, delivery]));
  }

  it('say of each subscription how far it is, what it got, and what became a dead letter', async () => {
    const batchId = await submitted(TENANT, arrivals('to', [10, 20, 30]));
    const found = await until(async () => {
      const deliveries = await deliveriesOf(TENANT, batchId);
      assert.deepEqual(
        [...deliveries].map(([name, { state, delivered, passes }]) => [name, state, delivered, passes]),
        [
          ['fine', 'delivered', 3, 1],
          ['broken', 'dead-lettered', 2, 1],
          ['later', 'running', 1, 1],
          ['busy', 'running', 2, 0],
        ],
      );
      return deliveries;
    }, 20_000);
    for (const { of, priority, events } of found.values())
      assert.deepEqual([of, priority, events], ['events', 'normal', 3]);
    assert.deepEqual(found.get('later')?.pending, [
      { attempts: 1, count: 2, dueAt: '2100-01-01T00:00:00.000Z' },
    ]);
    const { deadLettered, deadLetters = [], workflow } = found.get('broken')!;
    assert.match(workflow?.url ?? '', uiPage('deliver%2F'));
    assert.equal(deadLettered, 1);
    const id = deadLetters[0]?.id ?? '';
    const waiting = { id, reason: 'attempts-exhausted', count: 1, attempts: 10 };
    assert.deepEqual(deadLetters, [{ ...waiting, status: 'dead-letter' }]);

    const deadLetter = pipeline.client.workflow.getHandle(`dead-letter/${TENANT}/${id.replaceAll('~', '/')}`);
    await deadLetter.signal('discard', { actor: 'somebody' });
    await deadLetter.result();
    const after = await deliveriesOf(TENANT, batchId);
    assert.deepEqual(after.get('broken')?.deadLetters, [{ ...waiting, status: 'discarded' }]);
  });

  it('name what became a dead letter before it was ever tried', async () => {
    const rows = arrivals('loop', [10]).map((row) => ({ ...row, extensions: { hops: 8 } }));
    const deliveries = await deliveriesOf('receipts-loop', await submitted('receipts-loop', rows));
    const { state, delivered, deadLettered, deadLetters, workflow } = deliveries.get('fine')!;
    assert.deepEqual([state, delivered, deadLettered, workflow], ['dead-lettered', 0, 1, undefined]);
    assert.deepEqual(
      deadLetters.map(({ reason, status }) => [reason, status]),
      [['loop', 'dead-letter']],
    );
  });

  it('are absent where no route has matched', async () => {
    const receipt = await receipts.receiptOf(
      'receipts-other',
      await submitted('receipts-other', arrivals('other', [10])),
    );
    assert.equal(receipt.workflow.status, 'completed');
    assert.equal(receipt.deliveries, undefined);
  });

  it("tell nothing of a delivery or dead letter of another tenant's", async () => {
    const batchId = await submitted(TENANT, arrivals('mine', [10, 20, 30]));
    const { client } = pipeline;
    const batch = await client.workflow.getHandle(batchWorkflowId(TENANT, 'events', batchId)).describe();
    const variant = { stream: 'events', priority: 'normal' } as const;
    const ids = ['fine', 'broken'].map((name) => deliverWorkflowId(TENANT, name, batchId, variant));
    await Promise.all(ids.map((id) => client.workflow.getHandle(id).result()));
    const options = { client, namespace: testNamespace() };
    for (const { state, delivered, deadLetters, workflow } of await deliveryReceipts(
      options,
      'receipts-other',
      batch,
      ids,
    ))
      assert.deepEqual([state, delivered, deadLetters, workflow], ['unknown', undefined, [], undefined]);
  });

  it("are answered to the tenant's own token, and not to another's", async () => {
    const batchId = await submitted(TENANT, arrivals('http', [10, 20, 30]));
    const api = await startTestApi({
      receipts,
      tenants: { [TENANT]: 'active', 'receipts-other': 'active' },
    });
    const get = async (tenant: string) =>
      api.get(`/v1/batches/${batchId}`, await api.token({ tenant, scope: 'admin' }));
    const { status, body } = await get(TENANT);
    const { deliveries } = body as unknown as { deliveries: DeliveryReceipt[] };
    assert.deepEqual([status, deliveries.length], [200, SUBSCRIPTIONS.length]);
    const stranger = await get('receipts-other');
    assert.deepEqual([stranger.status, stranger.body.code], [404, 'NOT_FOUND']);
    assert.deepEqual(api.faults, []);
    await api.close();
  });

  it('are told without counts while no worker answers', async () => {
    const batchId = await submitted(TENANT, arrivals('alone', [10, 20, 30]));
    const { client } = pipeline;
    const batch = await client.workflow.getHandle(batchWorkflowId(TENANT, 'events', batchId)).describe();
    const workflowId = deliverWorkflowId(TENANT, 'fine', batchId, { stream: 'events', priority: 'low' });
    const handle = await client.workflow.start(DELIVER, {
      workflowId,
      taskQueue: 'receipts-nobody',
      args: [{}],
      typedSearchAttributes: subscriptionAttributes(TENANT, 'fine', 'events'),
    });
    const options = { client, namespace: testNamespace() };
    const [receipt] = await deliveryReceipts(options, TENANT, batch, [workflowId]);
    assert.deepEqual([receipt?.state, receipt?.delivered, receipt?.deadLetters], ['running', undefined, []]);
    await handle.terminate();
  });
});
