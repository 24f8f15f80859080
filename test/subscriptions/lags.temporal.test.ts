import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { Client, Connection } from '@temporalio/client';
import { SubscriptionLags, type SubscriptionLag } from '../../src/subscriptions/lags.js';
import { SILENT, arrivals, startPipeline, type Pipeline } from '../support/pipeline.js';
import { until } from '../support/until.js';

const QUEUE = { name: 'queue', kind: 'pull' };
const ROUTES = [{ match: {}, to: ['queue'] }];

describe('how far subscriptions are behind', function () {
  this.timeout(60_000);
  let pipeline: Pipeline;

  before(async () => {
    const window = { window: '1h' };
    pipeline = await startPipeline({
      'lag-a': { subscriptions: [QUEUE], routes: ROUTES, warehouse: window },
      'lag-b': { subscriptions: [QUEUE], routes: ROUTES },
    });
  });
  after(() => pipeline.stop());

  const tenants = () => pipeline.registry.list().map(({ config }) => config);
  const open = (more: object = {}) =>
    new SubscriptionLags({
      ...{ client: pipeline.client, tenants, log: SILENT, ...more },
    });
  const of = (lags: readonly SubscriptionLag[], tenant: string, subscription: string) =>
    lags.find((lag) => lag.tenant === tenant && lag.subscription === subscription);
  const submit = async (prefix: string) =>
    void (await (
      await pipeline.submit('lag-a', arrivals(prefix, [1]))
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
    assert.equal(lags.length, 4);
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
    const connection = Connection.lazy({ address: `127.0.0.1:${(silent.address() as AddressInfo).port}` });
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

  it('is missing for all when one cannot be asked for, rather than half of it told', async () => {
    const client = new Client(pipeline.client.options);
    // The windows are asked for by `client.workflow`, which has options of its own.
    Object.assign(client, { options: { ...client.options, namespace: 'no-such-namespace' } });
    const lags = open({ client });
    assert.deepEqual(await lags.read(), []);
  });
});
