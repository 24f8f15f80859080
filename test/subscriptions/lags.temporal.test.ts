import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { ApplicationFailure, Client } from '@temporalio/client';
import {
  createQueueRates,
  type QueueNotes,
  type QueueRates,
  type QueueSettings,
} from '../../src/temporal/queue-rates.js';
import { SubscriptionFailures } from '../../src/subscriptions/failing.js';
import { SubscriptionLags, type SubscriptionLag } from '../../src/subscriptions/lags.js';
import { rateOf } from '../../src/subscriptions/status.js';
import { waitingDeliveries } from '../../src/subscriptions/waiting-deliveries.js';
import { subscriptionQueue } from '../../src/tenants/queues.js';
import { SILENT, arrivals, startPipeline, type Pipeline } from '../support/pipeline.js';
import { testNamespace } from '../support/temporal.js';
import { awayConnection } from '../support/temporal-away.js';
import { until } from '../support/until.js';

const QUEUE = { name: 'queue', kind: 'pull' };
const ROUTES = [{ match: {}, to: ['queue'] }];
const HOOK = { name: 'hook', kind: 'push', url: 'https://crm.example/hooks' };
const TO_HOOK = [{ match: {}, to: ['hook'] }];

describe('how far subscriptions are behind', function () {
  this.timeout(60_000);
  let pipeline: Pipeline;
  let queues: QueueNotes & QueueRates & QueueSettings;

  before(async () => {
    const window = { window: '1h' };
    pipeline = await startPipeline({
      'lag-a': { subscriptions: [QUEUE], routes: ROUTES, warehouse: window },
      'lag-b': { subscriptions: [QUEUE], routes: ROUTES },
      'lag-c': { subscriptions: [HOOK], routes: TO_HOOK },
      'lag-e': { warehouse: { window: '1s' } },
      'lag-d': { subscriptions: [HOOK], routes: TO_HOOK },
    });
    queues = createQueueRates(pipeline.client.connection, testNamespace());
  });
  after(() => pipeline.stop());

  const tenants = () => pipeline.registry.list().map(({ config }) => config);
  const open = (more: object = {}) =>
    new SubscriptionLags({
      client: pipeline.client,
      queues,
      tenants,
      log: SILENT,
      ...more,
    });
  const of = (lags: readonly SubscriptionLag[], tenant: string, subscription: string) =>
    lags.find((lag) => lag.tenant === tenant && lag.subscription === subscription);
  const submit = async (prefix: string, tenant = 'lag-a') =>
    void (await (
      await pipeline.submit(tenant, arrivals(prefix, [1]))
    ).ended);

  it('is what waits in their queues, and in load windows, of each tenant apart', async () => {
    await submit('one');
    const lags = await until(async () => {
      const found = await open().read();
      assert.equal(of(found, 'lag-a', 'queue')?.batches, 1);
      assert.equal(of(found, 'lag-a', 'warehouse')?.batches, 1);
      assert.ok((of(found, 'lag-a', 'queue')?.oldestSeconds ?? 0) > 0);
      return found;
    }, 20_000);
    assert.ok((of(lags, 'lag-a', 'warehouse')?.oldestSeconds ?? 0) > 0);
    for (const name of ['queue', 'warehouse']) {
      const { batches, oldestSeconds } = of(lags, 'lag-b', name)!;
      assert.deepEqual([batches, oldestSeconds], [0, 0], name);
    }
    assert.equal(lags.length, 9);
  });

  it('counts what pauses between attempts, says that a subscription fails, and how it stands', async () => {
    pipeline.replaced.pushPass = ({ pending }) =>
      Promise.resolve({ delivered: 0, failed: 1, pending, retryAfterMs: 3_600_000, dead: [] });
    await submit('paused', 'lag-c');
    const queue = subscriptionQueue('lag-c', 'hook');
    const process = new SubscriptionFailures({ notes: queues, log: SILENT, everyMs: 0 });
    const since = new Date(Date.now() - 60_000).toISOString();
    await queues.set(queue, rateOf({ state: 'breaker-open', by: 'headgate', reason: 'it fails' }, 50));
    const error = 'HTTP 500';
    const failing = { since, lastError: error, lastErrorAt: error };
    await queues.setNote(queue, `headgate failing ${JSON.stringify(failing)}`);
    await until(async () => {
      const found = of(await open().read(), 'lag-c', 'hook');
      assert.equal(found?.batches, 1);
      assert.ok(found.oldestSeconds > 0);
      assert.equal(found.events, 1);
      assert.deepEqual(found.failing, failing);
      assert.equal(found.status.state, 'breaker-open');
      assert.equal(found.status.reason, 'it fails');
    }, 20_000);
    process.observe('lag-c', 'hook', { ok: true, again: false });
    await until(async () => {
      const { failing: still, status } = of(await open().read(), 'lag-c', 'hook')!;
      assert.equal(still, undefined);
      assert.equal(status.state, 'breaker-open', 'the rate is as it was');
    }, 20_000);
    await process.close();
  });

  it('says why the loads of a warehouse wait, and nothing of a window that is still open', async () => {
    // As an error of an activity crosses to Temporal.
    const quota = ApplicationFailure.create({
      type: 'WAREHOUSE_QUOTA',
      message: 'The load jobs are used up.',
    });
    pipeline.replaced.loadBatches = () => Promise.reject(quota);
    await submit('late', 'lag-e');
    try {
      await until(async () => {
        const lags = await open({ lateMs: 0 }).read();
        const load = of(lags, 'lag-e', 'warehouse')?.load;
        assert.deepEqual(load, { code: 'WAREHOUSE_QUOTA', lastError: quota.message });
        assert.equal(of(lags, 'lag-a', 'warehouse')?.load, undefined);
      }, 20_000);
    } finally {
      pipeline.replaced.loadBatches = undefined;
    }
  });

  it('leaves out what has ended, though its task is still in the queue of a paused subscription', async () => {
    const queue = subscriptionQueue('lag-d', 'hook');
    await queues.set(queue, rateOf({ state: 'paused', by: 'a test' }, 50));
    const ended: string[] = [];
    for (const prefix of ['ended-1', 'ended-2', 'waits']) {
      const { deliveries = [] } = (await (await pipeline.submit('lag-d', arrivals(prefix, [1]))).ended)!;
      if (prefix !== 'waits') ended.push(...deliveries);
    }
    const batches = async () => of(await open().read(), 'lag-d', 'hook')?.batches;
    await until(async () => assert.equal(await batches(), 3), 20_000);
    for (const id of ended) await pipeline.client.workflow.getHandle(id).terminate();
    await until(async () => assert.equal(await batches(), 1), 20_000);
  });

  it('is counted one by one where there is too much to look at', async () => {
    const few = await waitingDeliveries(pipeline.client, undefined, 0);
    assert.equal((await few.of('lag-c', 'hook')).batches, 1);
    assert.equal((await few.of('lag-b', 'queue')).batches, 0);
    const own = await waitingDeliveries(pipeline.client, 'lag-b');
    assert.deepEqual(await own.of('lag-c', 'hook'), { batches: 0, events: 0, oldestSeconds: 0 });
  });

  it('is asked for once in a while, however many read it', async () => {
    let looks = 0;
    const counted = () => (looks++, tenants());
    const lags = open({ tenants: counted });
    await Promise.all(Array.from({ length: 20 }, () => lags.read()));
    await lags.read();
    assert.equal(looks, 1);
    const eager = open({ tenants: counted, everyMs: 0 });
    await eager.read();
    const before = looks;
    await until(async () => {
      await eager.read();
      assert.ok(looks > before);
    }, 20_000);
  });

  it('is missing while Temporal is away, and a reader does not wait for it', async () => {
    // Takes connections and says nothing.
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const connection = awayConnection((silent.address() as AddressInfo).port);
    try {
      let told = 0;
      const log = { warn: () => void told++ };
      const lags = open({ client: new Client({ connection }), waitMs: 0, log });
      for (let read = 0; read < 3; read++) assert.deepEqual(await lags.read(), []);
      assert.equal(told, 0, 'Temporal still has time to answer');
      await until(() => assert.equal(told, 1), 30_000);
    } finally {
      await connection.close();
      silent.close();
    }
  });

  it('is what waits, where it cannot be asked how subscriptions stand', async () => {
    let told = 0;
    const log = { warn: () => void told++ };
    // The rest is asked of the client, which goes on.
    const lags = open({ queues: createQueueRates(pipeline.client.connection, 'no-such-namespace'), log });
    const found = await lags.read();
    assert.equal(found.length, 9);
    assert.equal(of(found, 'lag-a', 'queue')?.batches, 1);
    assert.deepEqual(
      found.filter(({ askedAt }) => askedAt !== undefined),
      [],
    );
    assert.equal(told, 1);
  });

  it('keeps what a question was about that is not answered any more, with its age', async () => {
    const hook = subscriptionQueue('lag-c', 'hook');
    let refuses = false;
    const settings = (queue: string) =>
      refuses && queue === hook ? Promise.reject(new Error('busy')) : queues.settings(queue);
    const lags = open({ queues: { settings }, everyMs: 0 });
    const known = of(await lags.read(), 'lag-c', 'hook');
    assert.equal(known?.status.state, 'breaker-open');
    refuses = true;
    await until(async () => {
      const { at = 0, lags: found } = await lags.reading();
      const { status, askedAt = 0 } = of(found, 'lag-c', 'hook')!;
      assert.ok(at > askedAt && (of(found, 'lag-b', 'queue')?.askedAt ?? 0) >= at - 1);
      assert.deepEqual([status, askedAt <= at], [known.status, true]);
    }, 20_000);
  });
});
