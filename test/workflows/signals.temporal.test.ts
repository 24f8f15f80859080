import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { createDeadLetterEvents } from '../../src/dead-letters/dead-letter-events.js';
import { createAnnounceActivities, windowAt } from '../../src/activities/warehouse/announce.js';
import type { BatchRef } from '../../src/events/event.js';
import { referencedBatches } from '../../src/retention/references.js';
import { subscriptionAttributes } from '../../src/tenants/search-attributes.js';
import { subscriptionQueue, tenantQueue, workflowQueue } from '../../src/tenants/queues.js';
import {
  DELIVER,
  RESUMED,
  REVIEW,
  type DeadLetterResult,
  type DeliverResult,
} from '../../src/workflows/messages/deliveries.js';
import type { LoadWindowResult } from '../../src/workflows/messages/batches.js';
import { eventNames, failedTasks } from '../support/histories.js';
import { arrivals, startPipeline, type Pipeline } from '../support/pipeline.js';
import { until } from '../support/until.js';

const TENANT = 'sg-one';
const ANOTHERS: BatchRef = {
  tenant: 'sg-two',
  stream: 'events',
  batchId: '20240310-0123abcd-000000009',
  events: 1,
  bytes: 1,
  sha256: 'f'.repeat(64),
};

/** What a signal may come with that Headgate has not sent. */
const WRONG: readonly unknown[] = [
  7,
  true,
  'text',
  {},
  [7],
  [null],
  [{}],
  ['text'],
  { actor: 7 },
  { actor: 'a'.repeat(5_000) },
  // An event, as a workflow subscription sends it.
  { specversion: '1.0', id: '1', source: '/x', type: 'x', data: {} },
  [ANOTHERS],
  [{ ...ANOTHERS, tenant: TENANT, batchId: '../../x' }],
  [{ ...ANOTHERS, tenant: TENANT, events: -1 }],
];

describe('a signal with an argument that is not what it should be', function () {
  this.timeout(60_000);
  let pipeline: Pipeline;
  before(async () => {
    pipeline = await startPipeline({ [TENANT]: {} });
  });
  after(() => pipeline?.stop());

  async function write(): Promise<BatchRef> {
    const rows = arrivals('sg', [1, 2]).map((row) => `${JSON.stringify(row)}\n`);
    const batchId = '20240310-0123abcd-000000001';
    const name = { tenant: TENANT, stream: 'events', batchId } as const;
    return pipeline.stores.batchStore.write(name, gzipSync(rows.join('')), 2);
  }

  it('is passed over by a load window, which loads what was announced', async () => {
    const begins = windowAt(Date.now(), 2_000, TENANT).closesAt;
    const { announce } = createAnnounceActivities({
      client: pipeline.client,
      windowsPerSecond: 1_000,
      windowsOf: () => ({ isolation: 'pooled', windowMs: 2_000 }),
      now: () => begins,
    });
    const batch = await write();
    const { workflowId } = await announce([batch]);
    const window = pipeline.client.workflow.getHandle(workflowId);
    for (const argument of WRONG) await window.signal('announce', argument);
    // Signals that come during a workflow task are in the history once that is done.
    await until(async () => {
      const signals = (await eventNames(window)).filter((name) => name === 'WORKFLOW_EXECUTION_SIGNALED');
      assert.equal(signals.length, WRONG.length + 1);
    }, 5_000);
    assert.deepEqual([...(await referencedBatches(pipeline.client, TENANT))], [batch.batchId]);
    const { loads } = (await window.result()) as LoadWindowResult;
    assert.deepEqual(
      loads.map(({ loaded }) => loaded),
      [[batch.batchId]],
    );
    assert.deepEqual(await failedTasks(window), []);
  });

  it('resolves no dead letter', async () => {
    const { client, stores } = pipeline;
    const deadLetterEvents = createDeadLetterEvents({
      client,
      batchStore: stores.batchStore,
      isolationOf: () => 'pooled',
    });
    const workflowId = await deadLetterEvents({
      delivery: {
        tenant: TENANT,
        subscription: 'hook',
        kind: 'pull',
        batch: await write(),
        priority: 'normal',
        queue: subscriptionQueue(TENANT, 'hook'),
        activityQueue: tenantQueue(TENANT),
        expiresAt: Date.now() + 600_000,
      },
      dead: { reason: 'expired', detail: 'a test', attempts: 1, count: 2 },
      passes: 1,
    });
    const letter = client.workflow.getHandle(workflowId);
    for (const argument of WRONG) await letter.signal('discard', argument);
    for (const argument of WRONG) await letter.signal('redrive', argument);
    assert.equal(await letter.query('resolution'), null);
    // By hand, in the Temporal UI, without an argument.
    await letter.signal('discard');
    const { outcome, by } = (await letter.result()) as DeadLetterResult;
    assert.deepEqual([outcome, by], ['discarded', { actor: 'unknown' }]);
    assert.deepEqual(await failedTasks(letter), []);
  });

  it('wakes a delivery at most', async () => {
    const { client } = pipeline;
    const delivery = await client.workflow.start(DELIVER, {
      workflowId: `deliver/${TENANT}/gone/signals`,
      taskQueue: workflowQueue(TENANT, 'pooled'),
      typedSearchAttributes: subscriptionAttributes(TENANT, 'gone', 'events'),
      args: [
        {
          tenant: TENANT,
          subscription: 'gone',
          kind: 'pull',
          batch: await write(),
          count: 2,
          queue: subscriptionQueue(TENANT, 'gone'),
          activityQueue: tenantQueue(TENANT),
          priority: 'normal',
          expiresAt: Date.now() + 600_000,
        },
      ],
    });
    for (const argument of WRONG) await delivery.signal(RESUMED, argument);
    assert.equal((await delivery.describe()).status.name, 'RUNNING');
    for (const argument of WRONG) await delivery.signal(REVIEW, argument);
    const { delivered, deadLettered } = (await delivery.result()) as DeliverResult;
    assert.deepEqual([delivered, deadLettered], [0, 2]);
    assert.deepEqual(await failedTasks(delivery), []);
  });
});
