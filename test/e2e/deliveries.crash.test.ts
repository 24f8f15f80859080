import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import { freePort } from '../../bench/system/free-port.js';
import { signToken } from '../../src/keys/key-set.js';
import {
  killAll,
  nodeEnvironment,
  runHeadgate,
  spawnHeadgate,
  type HeadgateProcess,
} from '../support/headgate.js';
import { startReceiver, type ReceivedRequest, type Receiver } from '../support/receiver.js';
import { until } from '../support/until.js';

const SECRET = `whsec_${Buffer.from('a secret of at least twenty-four bytes').toString('base64')}`;
const TENANT = 'shop';
const WITHIN_MS = 90_000;
const SCHEDULE = ['100ms', '100ms', '200ms', '200ms', '400ms', '400ms', '800ms', '800ms', '1s', '1s', '1s'];

const isPoison = (id: string): boolean => id.endsWith('-poison');

/** Every third request fails, by its place and not by chance, so that each event comes through in the end. */
function failingAThird(): (request: ReceivedRequest) => number {
  let requests = 0;
  return () => (++requests % 3 === 0 ? 503 : 204);
}

describe('deliveries of a running Headgate', function () {
  this.timeout(240_000);
  let dir: string;
  let env: Record<string, string>;
  let url: string;
  let node: HeadgateProcess;
  let token: string;
  let flaky: Receiver;
  let gone: Receiver;
  let steady: Receiver;
  const posted = new Set<string>();
  const forged: string[] = [];

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-deliveries-'));
    const port = await freePort();
    env = {
      ...(await nodeEnvironment(dir)),
      HEADGATE_PORT: String(port),
      HEADGATE_PUSH_ALLOW: '127.0.0.0/8',
      HEADGATE_SECRET_SHOP__CRM: SECRET,
    };
    url = `http://127.0.0.1:${port}`;
    [flaky, gone, steady] = [await startReceiver(), await startReceiver(), await startReceiver()];
    const push = { kind: 'push', secret: 'env:HEADGATE_SECRET_SHOP__CRM', retry: { schedule: SCHEDULE } };
    const subscriptions = [
      { ...push, name: 'flaky', url: flaky.url },
      { ...push, name: 'gone', url: gone.url },
      { ...push, name: 'steady', url: steady.url, format: 'batch' },
      { name: 'queue', kind: 'pull', ackDeadline: '10s', maxAttempts: 100 },
    ];
    const routes = [
      { match: { type: 'order.*' }, to: subscriptions.map(({ name }) => name) },
      { match: { type: 'headgate.subscription.disabled' }, to: ['steady'] },
    ];
    await mkdir(join(dir, 'given'));
    const config = JSON.stringify({ tenant: TENANT, subscriptions, routes, warehouse: { window: '1s' } });
    await writeFile(join(dir, 'given', `${TENANT}.yaml`), config);
    node = await start();
    const claims = { issuer: 'headgate', audience: 'headgate', expiresInSeconds: 3_600 };
    token = await signToken(dir, { tenant: TENANT, scope: 'admin', ...claims });
  });
  after(async () => {
    await killAll();
    await Promise.all([flaky, gone, steady].map((receiver) => receiver.down()));
    await rm(dir, { recursive: true, force: true });
  });

  async function start(): Promise<HeadgateProcess> {
    const started = spawnHeadgate(['start', '--tenants', join(dir, 'given')], env);
    await started.ready();
    return started;
  }

  async function ask(method: string, path: string, body?: object): Promise<Record<string, never>> {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const response = await fetch(`${url}${path}`, { method, headers, body: body && JSON.stringify(body) });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Record<string, never>;
  }

  /** Posts events until the node has acknowledged them, whatever happens to it meanwhile. */
  async function post(ids: readonly string[]): Promise<void> {
    const events = ids.map((id) => {
      return { specversion: '1.0', id, source: 'test', type: 'order.made', subject: 's', data: { id } };
    });
    await until(() => ask('POST', '/v1/events', events), WITHIN_MS);
    for (const id of ids) posted.add(id);
  }

  const expectAll = (receiver: Receiver, but: (id: string) => boolean = () => false): void => {
    const missing = [...posted].filter((id) => !but(id) && !receiver.confirmed.has(id));
    assert.deepEqual(missing.slice(0, 5), [], `${missing.length} of ${posted.size} are missing`);
  };

  function signedBy({ headers, body }: ReceivedRequest): void {
    try {
      new Webhook(SECRET).verify(body, headers as Record<string, string>);
    } catch (error) {
      forged.push(String(error));
    }
  }

  it('come to each receiver, however it fails, and what never succeeds is dead and nothing else', async () => {
    const sometimes = failingAThird();
    flaky.answer = async (request) => {
      signedBy(request);
      await sleep(5);
      return request.ids.some(isPoison) ? 500 : sometimes(request);
    };
    let isGone = true;
    gone.answer = () => (isGone ? 410 : 204);
    steady.answer = (request) => {
      signedBy(request);
      return 204;
    };
    for (let n = 0; n < 10; n++) await post(Array.from({ length: 20 }, (_, k) => `first-${n}-${k}`));
    await post(['first-poison', 'second-poison']);
    await flaky.down();
    await post(['while-down-0', 'while-down-1']);
    await sleep(300);
    await flaky.up();

    await until(() => expectAll(steady), WITHIN_MS);
    await until(() => expectAll(flaky, isPoison), WITHIN_MS);
    await until(async () => {
      const { deadLetters } = await ask('GET', '/v1/subscriptions/flaky');
      assert.ok(Number(deadLetters) > 0);
    }, WITHIN_MS);
    assert.deepEqual(forged, []);
    const stopped = await ask('GET', '/v1/subscriptions/gone');
    assert.equal(stopped.state, 'disabled');
    assert.equal(gone.confirmed.size, 0);
    const alert = /^headgate\.subscription\.disabled:gone:/;
    await until(() => assert.ok([...steady.confirmed.keys()].some((id) => alert.test(id))), WITHIN_MS);
    const lag =
      /^headgate_subscription_oldest_undelivered_seconds\{tenant="shop",subscription="queue"\} [1-9]/m;
    await until(async () => assert.match(await (await fetch(`${url}/metrics`)).text(), lag), WITHIN_MS);
    isGone = false;
    await ask('POST', '/v1/subscriptions/gone/resume', { reason: 'it is back' });
    await until(() => expectAll(gone), WITHIN_MS);
    assert.equal([...flaky.confirmed.keys()].some(isPoison), false);
  });

  it('lists and redrives what is dead from the command line', async () => {
    const listed = await runHeadgate(['dead-letters', 'list', '--tenant', TENANT, '--json'], env);
    assert.equal(listed.code, 0, listed.stderr);
    flaky.answer = () => 204;
    const redriven = await runHeadgate(
      ['dead-letters', 'redrive', '--tenant', TENANT, '--subscription', 'flaky'],
      env,
    );
    assert.equal(redriven.code, 0, redriven.stderr);
    await until(() => expectAll(flaky), WITHIN_MS);
  });

  it('survive kill -9 in the middle of pushing and pulling: nothing is lost, and no lease is given twice', async () => {
    flaky.answer = failingAThird();
    const leases: string[] = [];
    const acknowledged = new Set<string>();
    /** An ack without an answer, when the node was killed, may have been taken: these came, and may not come again. */
    const unanswered = new Set<string>();
    let consuming = true;
    const consumer = async (): Promise<void> => {
      while (consuming) {
        let asked: string[] = [];
        try {
          const { messages } = (await ask('POST', '/v1/subscriptions/queue/pull', {
            maxMessages: 25,
            waitMs: 1_000,
          })) as unknown as { messages: { ackId: string; event: { id: string } }[] };
          leases.push(...messages.map(({ ackId }) => ackId));
          if (messages.length === 0) continue;
          await sleep(20);
          const ackIds = messages.map(({ ackId }) => ackId);
          asked = messages.map(({ event }) => event.id);
          const { results } = (await ask('POST', '/v1/subscriptions/queue/ack', { ackIds })) as unknown as {
            results: { ackId: string; status: string }[];
          };
          const good = new Set(results.filter(({ status }) => status === 'ok').map(({ ackId }) => ackId));
          for (const { ackId, event } of messages) if (good.has(ackId)) acknowledged.add(event.id);
        } catch {
          // The node has just been killed.
          for (const id of asked) unanswered.add(id);
          await sleep(100);
        }
      }
    };
    const consumers = [consumer(), consumer()];
    const posting = (async () => {
      for (let n = 0; n < 40; n++) {
        await post(Array.from({ length: 25 }, (_, k) => `killed-${n}-${k}`));
        await sleep(50);
      }
    })();
    for (let lives = 0; lives < 3; lives++) {
      await sleep(1_500 + lives * 700);
      await node.signal('SIGKILL');
      node = await start();
    }
    await posting;
    await until(() => expectAll(flaky), WITHIN_MS);
    await until(() => expectAll(steady), WITHIN_MS);
    await until(() => expectAll(gone), WITHIN_MS);
    await until(() => {
      const missing = [...posted].filter((id) => !acknowledged.has(id) && !unanswered.has(id));
      assert.deepEqual(missing.slice(0, 5), [], `${missing.length} were not pulled`);
    }, WITHIN_MS);
    consuming = false;
    await Promise.all(consumers);
    assert.equal(new Set(leases).size, leases.length, 'a lease was handed out twice');
  });
});
