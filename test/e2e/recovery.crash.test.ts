import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import { freePort } from '../../bench/system/free-port.js';
import { windowAt } from '../../src/activities/warehouse/announce.js';
import { connectTemporal } from '../../src/temporal/connect.js';
import { signToken } from '../../src/keys/key-set.js';
import { killAll, ownEnvironment, spawnHeadgate, type HeadgateProcess } from '../support/headgate.js';
import { rowsInFiles } from '../support/parquet.js';
import { startReceiver, type Receiver } from '../support/receiver.js';
import { signalsOf } from '../support/signals.js';
import { until } from '../support/until.js';

const TENANT = 'held';
const SECRET = `whsec_${Buffer.from('a secret of at least twenty-four bytes').toString('base64')}`;
const WINDOW_MS = 12_000;
/** Left of the load window when the events of the test come: by then all else is under way. */
const HELD_MS = 10_000;
const ORDERS = 6;
const REFUSED = 4;
/** Seconds on an idle machine. The way without a journal takes 30 and more. */
const RECOVERED_WITHIN_MS = 12_000;
const PREPARED_WITHIN_MS = 60_000;

interface Pulled {
  readonly messages: readonly { readonly attempt: number; readonly event: { readonly id: string } }[];
}

describe('a node that is killed with its hands full and started again', function () {
  this.timeout(240_000);
  let dir: string;
  let env: Record<string, string>;
  let url: string;
  let hook: Receiver;
  let refusing: Receiver;
  let token: string;
  let readyAt: number;
  const held: { redrive: string; replay: string; signalled: number } = {
    redrive: '',
    replay: '',
    signalled: 0,
  };
  let client: Client;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-recovery-'));
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    env = {
      ...(await ownEnvironment(dir)),
      HEADGATE_PORT: String(port),
      HEADGATE_PUSH_ALLOW: '127.0.0.0/8',
      HEADGATE_SECRET_HELD__IT: SECRET,
    };
    [hook, refusing] = [
      await startReceiver(() => new Promise(() => undefined)),
      await startReceiver(() => 500),
    ];
    writeTenant();
    const claims = { issuer: 'headgate', audience: 'headgate', expiresInSeconds: 3_600 };
    const prepared = await start();
    token = await signToken(dir, { tenant: TENANT, scope: 'admin', ...claims });
    await prepareDeadLetters();
    assert.equal((await prepared.signal('SIGTERM')).code, 0, prepared.stderr);

    const doomed = await start({ HEADGATE_FAULT: 'parquet-rename.before:1' });
    await takeUpAll((await doomed.ready()).temporal);
    assert.equal((await doomed.finished).signal, 'SIGKILL', doomed.stderr);
    hook.answer = () => 204;
    await start();
    readyAt = Date.now();
  });
  after(async () => {
    await client?.connection.close();
    await killAll();
    await Promise.all([hook, refusing].map((receiver) => receiver.down()));
    await rm(dir, { recursive: true, force: true });
  });

  function writeTenant(): void {
    const push = { kind: 'push', secret: 'env:HEADGATE_SECRET_HELD__IT' };
    const workflow = { kind: 'workflow', workflow: '"sync"', signal: '"order"', id: 'event.subject' };
    const subscriptions = [
      { ...push, name: 'hook', url: hook.url },
      { ...push, name: 'refusing', url: refusing.url, retry: { schedule: [] } },
      { ...workflow, name: 'sync', taskQueue: `"own.${TENANT}"`, limits: { eventsPerSecond: 1 } },
      { name: 'queue', kind: 'pull', ackDeadline: '60s' },
    ];
    const routes = [
      { match: { type: 'order.*' }, to: ['hook', 'sync', 'queue'] },
      { match: { type: 'refused.*' }, to: ['refusing'] },
    ];
    const warehouse = { window: `${WINDOW_MS / 1000}s` };
    mkdirSync(join(dir, 'tenants'), { recursive: true });
    const config = JSON.stringify({ tenant: TENANT, subscriptions, routes, warehouse });
    writeFileSync(join(dir, 'tenants', `${TENANT}.yaml`), config);
  }

  async function start(more: Record<string, string> = {}): Promise<HeadgateProcess> {
    const node = spawnHeadgate(['start'], { ...env, ...more });
    await node.ready();
    return node;
  }

  async function ask<T>(method: string, path: string, body?: object): Promise<T> {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const response = await fetch(`${url}/v1/${path}`, {
      method,
      headers,
      body: body && JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  function post(type: string, ids: readonly string[]): Promise<unknown> {
    const common = { specversion: '1.0', source: 'test', subject: 'one' };
    return ask(
      'POST',
      'events',
      ids.map((id) => ({ ...common, type, id, data: { id } })),
    );
  }

  const pull = (waitMs: number): Promise<Pulled> =>
    ask('POST', 'subscriptions/queue/pull', { maxMessages: ORDERS, waitMs });

  const loaded = async (): Promise<number> =>
    (await rowsInFiles(join(dir, 'warehouse'), TENANT, 'events', 'id')).length;

  /** Some that are resolved one by one, of batches that are loaded and may be replayed. */
  async function prepareDeadLetters(): Promise<void> {
    for (let n = 0; n < REFUSED; n++) {
      await post('refused.once', [`refused-${n}`]);
      await until(async () => {
        const { deadLetters } = await ask<{ deadLetters: number }>('GET', 'subscriptions/refusing');
        assert.equal(deadLetters, n + 1);
      }, PREPARED_WITHIN_MS);
    }
    refusing.answer = () => 204;
    await until(async () => assert.ok((await loaded()) >= REFUSED), PREPARED_WITHIN_MS);
  }

  /** Has the node take up one of each kind; then the load begins, in which it dies. */
  async function takeUpAll(temporal: string): Promise<void> {
    client = new Client({ connection: await connectTemporal({ address: temporal }) });
    const leftMs = (): number => windowAt(Date.now(), WINDOW_MS, TENANT).closesAt - Date.now();
    while (leftMs() < HELD_MS) await sleep(50);
    await post(
      'order.made',
      Array.from({ length: ORDERS }, (_, n) => `order-${n}`),
    );
    const types = ['refused.*'];
    const slow = { eventsPerSecond: 1 };
    held.replay = (await ask<{ id: string }>('POST', 'replays', { types, ...slow })).id;
    held.redrive = (await ask<{ id: string }>('POST', 'dead-letters/redrive', { filter: {}, ...slow })).id;
    const leases: unknown[] = [];
    while (leases.length < ORDERS) leases.push(...(await pull(1_000)).messages);
    await until(async () => assert.ok((await signalled()).length > 0), 5_000);
    held.signalled = (await signalled()).length;
  }

  const signalled = async (): Promise<string[]> => (await signalsOf(client, `own/${TENANT}/one`)).events;

  const soon = <T>(look: () => Promise<T> | T): Promise<T> =>
    until(async () => look(), Math.max(1, readyAt + RECOVERED_WITHIN_MS - Date.now()));

  it('loads what it was loading', () => soon(async () => assert.equal(await loaded(), REFUSED + ORDERS)));

  it('delivers what it was delivering', () => soon(() => assert.equal(hook.confirmed.size, ORDERS)));

  it('leases again what consumers had leased, as another attempt', async () => {
    // One request may become two batches, on a busy machine.
    const leased = new Map<string, number>();
    await soon(async () => {
      for (const { event, attempt } of (await pull(1_000)).messages) leased.set(event.id, attempt);
      assert.equal(leased.size, ORDERS);
    });
    assert.deepEqual(
      [...leased].sort(),
      Array.from({ length: ORDERS }, (_, n) => [`order-${n}`, 2]),
    );
  });

  it('goes on signalling a workflow, each event once and in order', async () => {
    await soon(async () => assert.ok((await signalled()).length > held.signalled));
    const all = Array.from({ length: ORDERS }, (_, n) => `order-${n}`);
    await until(async () => assert.deepEqual(await signalled(), all), 30_000);
  });

  it('goes on with a replay', () =>
    soon(async () => {
      const { status, progress } = await ask<{ status: string; progress?: { events: number } }>(
        'GET',
        `replays/${held.replay}`,
      );
      assert.ok(status === 'completed' || (progress?.events ?? 0) > 0, status);
    }));

  it('goes on resolving dead letters', () =>
    soon(async () => {
      const { status } = await ask<{ status: string }>('GET', `dead-letters/redrives/${held.redrive}`);
      assert.equal(status, 'completed');
      for (let n = 0; n < REFUSED; n++) assert.ok(refusing.confirmed.has(`refused-${n}`));
    }));
});
