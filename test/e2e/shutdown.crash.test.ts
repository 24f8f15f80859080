import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signToken } from '../../src/keys/key-set.js';
import { killAll, nodeEnvironment, spawnHeadgate, type HeadgateProcess } from '../support/headgate.js';
import { rowsInFiles } from '../support/parquet.js';
import { startReceiver, type Receiver } from '../support/receiver.js';
import { until } from '../support/until.js';

const TENANT = 'shut';
const SECRET = `whsec_${Buffer.from('a secret of at least twenty-four bytes').toString('base64')}`;
const GRACE_SECONDS = 5;
/** For the process to end, on a busy machine; what holds it up would do so for ever, or for a minute. */
const ENDED_WITHIN_MS = (GRACE_SECONDS + 3) * 1_000;
const CUT_OFF = /SHUTDOWN_CUT_OFF/;
const ARRIVED_WITHIN_MS = 60_000;

describe('a node that is told to stop, and has work that does not end', function () {
  this.timeout(180_000);
  let dir: string;
  let receiver: Receiver;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-shutdown-'));
    receiver = await startReceiver(() => new Promise(() => undefined));
    mkdirSync(join(dir, 'tenants'));
    const hook = { kind: 'push', name: 'hook', url: receiver.url, secret: 'env:HEADGATE_SECRET_SHUT__IT' };
    const config = {
      tenant: TENANT,
      subscriptions: [hook],
      warehouse: { window: '1s' },
      routes: [{ match: { type: 'order.*' }, to: ['hook'] }],
    };
    writeFileSync(join(dir, 'tenants', `${TENANT}.yaml`), JSON.stringify(config));
  });
  afterEach(async () => {
    await killAll();
    await receiver.down();
    await rm(dir, { recursive: true, force: true });
  });

  async function environment(): Promise<Record<string, string>> {
    return {
      ...(await nodeEnvironment(dir)),
      HEADGATE_PUSH_ALLOW: '127.0.0.0/8',
      HEADGATE_SECRET_SHUT__IT: SECRET,
      HEADGATE_SHUTDOWN_GRACE_SECONDS: String(GRACE_SECONDS),
    };
  }

  async function post(url: string, type: string): Promise<void> {
    const issued = { issuer: 'headgate', audience: 'headgate', expiresInSeconds: 600 };
    const token = await signToken(dir, { tenant: TENANT, scope: 'events:write', ...issued });
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const event = { specversion: '1.0', id: 'it', source: 'test', type, subject: 's', data: {} };
    const response = await fetch(`${url}/v1/events`, {
      method: 'POST',
      headers,
      body: JSON.stringify([event]),
    });
    assert.equal(response.status, 202, await response.text());
  }

  async function assertEndsInTime(node: HeadgateProcess): Promise<void> {
    const began = Date.now();
    const { code } = await node.signal('SIGTERM');
    const took = Date.now() - began;
    assert.equal(code, 0, node.stderr);
    assert.ok(took < ENDED_WITHIN_MS, `it took ${took} ms`);
  }

  const assertLoaded = (): Promise<void> =>
    until(async () => {
      const rows = await rowsInFiles(join(dir, 'warehouse'), TENANT, 'events', 'id');
      assert.deepEqual(rows.map(String), ['it']);
    }, ARRIVED_WITHIN_MS);

  it('a batch whose workflow nobody runs: ends within the grace time, and the batch goes on later', async () => {
    const env = await environment();
    const api = spawnHeadgate(['api'], env);
    const { url } = await api.ready();
    await post(url, 'kept.only');
    await until(async () => {
      const metrics = await (await fetch(`${url}/metrics`)).text();
      assert.match(metrics, /^headgate_starts_in_flight 1$/m);
    }, ARRIVED_WITHIN_MS);
    await assertEndsInTime(api);
    assert.doesNotMatch(api.stderr, CUT_OFF);
    await spawnHeadgate(['start'], env).ready();
    await assertLoaded();
  });

  it('a delivery whose receiver does not answer: is cut off, and delivered by the next start', async () => {
    const env = await environment();
    let asked = false;
    receiver.answer = () => {
      asked = true;
      return new Promise(() => undefined);
    };
    const node = spawnHeadgate(['start'], env);
    const { url } = await node.ready();
    await post(url, 'order.made');
    await until(() => assert.ok(asked), ARRIVED_WITHIN_MS);
    await assertEndsInTime(node);
    assert.match(node.stderr, CUT_OFF);
    receiver.answer = () => 204;
    await spawnHeadgate(['start'], env).ready();
    await until(() => assert.deepEqual([...receiver.confirmed], [['it', 1]]), ARRIVED_WITHIN_MS);
    await assertLoaded();
  });
});
