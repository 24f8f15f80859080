import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { createDeadLetterEvents } from '../../src/dead-letters/dead-letter-events.js';
import { createStartDeliveries } from '../../src/activities/deliveries/start.js';
import { tenantQueue } from '../../src/tenants/queues.js';
import type { DeadLetterMemo, DeliverResult } from '../../src/workflows/messages/deliveries.js';
import { arrivals, startPipeline, type Pipeline } from '../support/pipeline.js';

const TENANT = 'ld-behind';
const SUBSCRIPTIONS = [
  { name: 'push', kind: 'push', url: 'https://crm.example/hooks' },
  { name: 'pull', kind: 'pull' },
];
const DAY_MS = 24 * 60 * 60 * 1000;

/** As of a node whose clock is months behind Temporal's. */
const BATCH_ID = '20240310-0123abcd-000000001';

describe('deliveries whose time is over before they begin', function () {
  this.timeout(60_000);
  let pipeline: Pipeline;
  before(async () => {
    pipeline = await startPipeline({ [TENANT]: { subscriptions: SUBSCRIPTIONS } });
  });
  after(() => pipeline?.stop());

  it('are dead letters that say so, and wait for a day', async () => {
    const { client, stores, registry } = pipeline;
    const rows = arrivals('ld', [10, 20]).map((row) => `${JSON.stringify(row)}\n`);
    const name = { tenant: TENANT, stream: 'events', batchId: BATCH_ID } as const;
    const batch = await stores.batchStore.write(name, gzipSync(rows.join('')), rows.length);
    const start = createStartDeliveries({
      client,
      configOf: (tenant) => registry.get(tenant)!.config,
      deadLetterEvents: createDeadLetterEvents({
        client,
        batchStore: stores.batchStore,
        isolationOf: () => 'pooled',
      }),
    });
    const routed = SUBSCRIPTIONS.map(({ name: subscription }) => ({
      subscription,
      of: 'events' as const,
      priority: 'normal' as const,
      count: rows.length,
    }));
    const ids = await start({ batch, routed, activityQueue: tenantQueue(TENANT) });
    assert.equal(ids.length, 2);
    for (const id of ids) {
      const { delivered, deadLettered, deadLetters } = (await client.workflow
        .getHandle(id)
        .result()) as DeliverResult;
      assert.deepEqual([delivered, deadLettered, deadLetters.length], [0, 2, 1]);
      const { status, memo } = await client.workflow.getHandle(deadLetters[0]!).describe();
      const { reason, count, parkedAt, expiresAt } = memo as unknown as DeadLetterMemo;
      assert.deepEqual([status.name, reason, count], ['RUNNING', 'expired', 2]);
      assert.equal(expiresAt - parkedAt, DAY_MS);
    }
  });
});
