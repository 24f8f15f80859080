import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SubscriptionOverview } from '../../src/subscriptions/overview.js';
import { signToken } from '../../src/keys/key-set.js';
import { killAll, nodeEnvironment, spawnHeadgate } from '../support/headgate.js';
import { startReceiver, type Receiver } from '../support/receiver.js';
import { until } from '../support/until.js';

const TENANT = 'fixed';
const SECRET = `whsec_${Buffer.from('a secret of at least twenty-four bytes').toString('base64')}`;
const EVENTS = 30;
/** A changed rate begins to hand out after a second and a half; the pause of the breaker is half a minute and more. */
const SENT_WITHIN_MS = 8_000;

describe('a subscription whose endpoint is fixed and that is resumed', function () {
  this.timeout(120_000);
  let dir: string;
  let hook: Receiver;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-resume-'));
    hook = await startReceiver(() => ({ status: 500, body: '<h1>boom:</h1> CRM database is down' }));
    mkdirSync(join(dir, 'tenants'));
    const config = {
      tenant: TENANT,
      rules: [],
      routes: [{ match: {}, to: ['hook'] }],
      subscriptions: [
        { kind: 'push', name: 'hook', url: hook.url, secret: SECRET, retry: { schedule: ['1h'] } },
      ],
    };
    writeFileSync(join(dir, 'tenants', `${TENANT}.yaml`), JSON.stringify(config));
  });
  after(async () => {
    await killAll();
    await hook.down();
    await rm(dir, { recursive: true, force: true });
  });

  it('sends what waits within seconds, although its breaker was open', async () => {
    const env = { ...(await nodeEnvironment(dir)), HEADGATE_PUSH_ALLOW: '127.0.0.0/8' };
    const node = spawnHeadgate(['start'], env);
    const { url } = await node.ready();
    const claims = { issuer: 'headgate', audience: 'headgate', expiresInSeconds: 3_600 };
    const token = await signToken(dir, { tenant: TENANT, scope: 'admin', ...claims });
    const call = (method: string, path: string, body?: object) =>
      fetch(`${url}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
      });
    for (let n = 0; n < EVENTS; n++) {
      const event = { specversion: '1.0', id: `e${n}`, source: '/shop', type: 'order.placed', data: {} };
      assert.equal((await call('POST', '/v1/events', [event])).status, 202);
    }
    const listed = async () => {
      const answer = (await (await call('GET', '/v1/subscriptions')).json()) as {
        subscriptions: SubscriptionOverview[];
      };
      return answer.subscriptions.find(({ name }) => name === 'hook')!;
    };
    await until(async () => {
      const { state, waiting, failing } = await listed();
      assert.equal(state, 'breaker-open');
      assert.ok((waiting.batches ?? 0) > 0 && waiting.oldestSeconds > 0, 'what pauses between attempts');
      assert.equal(failing?.lastError, 'HTTP 500 Internal Server Error: boom: CRM database is down');
      assert.ok(Math.abs(Date.now() - Date.parse(failing.since)) < 60_000);
    }, 30_000);
    assert.match(await node.logged(/SUBSCRIPTION_FAILING/), /"subscription":"hook".*"reason":"HTTP 500/);

    hook.answer = () => 204;
    assert.equal((await call('POST', '/v1/subscriptions/hook/resume', {})).status, 200);
    const resumedAt = Date.now();
    await until(() => assert.ok(hook.confirmed.size > 0), SENT_WITHIN_MS);
    await until(() => assert.ok(hook.confirmed.size >= EVENTS), 30_000);
    assert.ok(Date.now() - resumedAt < 30_000);
    await node.logged(/SUBSCRIPTION_RECOVERED/);
    await until(async () => {
      const { state, failing, waiting } = await listed();
      assert.deepEqual([state, failing, waiting.batches], ['active', undefined, 0]);
    }, 30_000);
    assert.equal((await node.signal('SIGTERM')).code, 0);
  });
});
