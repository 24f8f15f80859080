import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../bench/system/free-port.js';
import { serverStateOf } from '../../src/temporal/dev-server/server-record.js';
import { FLIGHTS } from '../support/flights.js';
import { killAll, ownEnvironment, runHeadgate, sharedTemporal, spawnHeadgate } from '../support/headgate.js';
import { assertExact, type TenantExpectation } from '../support/parquet.js';
import { sendTenant, weeksOf } from '../support/producer.js';
import { printedSeed, Random } from '../support/random.js';
import { until } from '../support/until.js';

/** Two that run on queues of their own, two pooled. */
const TENANTS = ['UA', 'B6', 'AA', '9E'];

/** Seconds, on an idle machine: the next process gives back what a killed one held. */
const RECOVERED_WITHIN_MS = 75_000;

describe('Headgate, killed', function () {
  this.timeout(180_000);
  let dir: string;
  let env: Record<string, string>;
  let url: string;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-kill-'));
    const port = await freePort();
    env = { ...(await ownEnvironment(dir)), HEADGATE_PORT: String(port) };
    url = `http://127.0.0.1:${port}`;
  });
  afterEach(async () => {
    await killAll();
    await rm(dir, { recursive: true, force: true });
  });

  const start = async () => {
    const node = spawnHeadgate(['start', '--tenants', join(FLIGHTS, 'tenants')], env);
    await node.ready();
    return node;
  };

  /** Sends all tenants' weeks at once, slowly enough to be disturbed; resolves when every event is acknowledged. */
  function sendAll(weeks: Map<string, TenantExpectation>, pauseMs: number): Promise<unknown> {
    const options = { url, dataDir: dir, requestEvents: 25, pauseMs };
    return Promise.all([...weeks].map(([tenant, week]) => sendTenant(tenant, week, options)));
  }

  /** Waits until the warehouse holds all of it, exactly. */
  async function assertAllExact(weeks: Map<string, TenantExpectation>): Promise<void> {
    const warehouse = join(dir, 'warehouse');
    const deadline = Date.now() + RECOVERED_WITHIN_MS;
    for (const [tenant, week] of weeks)
      await until(() => assertExact(warehouse, tenant, week), deadline - Date.now());
  }

  it('again and again at random moments, keeps every acknowledged event, once, and decides exactly', async () => {
    const weeks = weeksOf(TENANTS);
    let node = await start();
    let done = false;
    const sending = sendAll(weeks, 150).finally(() => (done = true));
    const lives: number[] = [];
    const random = new Random(printedSeed('the kills'));
    while (lives.length < 4 && !done) {
      const life = Math.round(random.between(300, 2_800));
      lives.push(life);
      await sleep(life);
      await node.signal('SIGKILL');
      node = await start();
    }
    await sending;
    assert.ok(lives.length >= 3, `killed only ${lives.length} times`);
    await assertAllExact(weeks).catch((error: unknown) => {
      throw new Error(`after being killed at the ages of ${lives.join()} ms`, { cause: error });
    });
    assert.equal((await node.signal('SIGTERM')).code, 0);
    // Nothing is still on its way that could double what is there.
    await assertAllExact(weeks);
  });

  it('in its Worker process alone: the API goes on taking events, and another Worker carries on', async () => {
    const shared = { ...env, ...(await sharedTemporal()) };
    const weeks = weeksOf(['9E', 'EV'], 600);
    const applied = await runHeadgate(['tenant', 'apply', join(FLIGHTS, 'tenants')], shared);
    assert.equal(applied.code, 0, applied.stderr);
    const api = spawnHeadgate(['api'], shared);
    const first = spawnHeadgate(['worker'], shared);
    await Promise.all([api.ready(), first.ready()]);
    const sending = sendAll(weeks, 100);
    await sleep(1_500);
    await first.signal('SIGKILL');
    const second = spawnHeadgate(['worker'], shared);
    await Promise.all([sending, second.ready()]);
    await assertAllExact(weeks);
    for (const each of [api, second]) assert.equal((await each.signal('SIGTERM')).code, 0, each.stderr);
    await assertAllExact(weeks);
  });

  it('in its Temporal server alone: brings it back, and loses nothing of what was on its way', async () => {
    const weeks = weeksOf(['AA', 'B6'], 800);
    const node = await start();
    const sending = sendAll(weeks, 60);
    for (let time = 0; time < 2; time += 1) {
      await sleep(800);
      const state = serverStateOf(join(dir, 'temporal', 'temporal.db'));
      assert.ok(state.kind === 'owned' && state.server !== undefined, state.kind);
      process.kill(state.server.process.pid, 'SIGKILL');
      await until(() => assert.equal(node.stderr.split('TEMPORAL_SERVER_BACK').length - 1, time + 1), 20_000);
    }
    await sending;
    await assertAllExact(weeks);
    assert.equal((await node.signal('SIGTERM')).code, 0, node.stderr);
    await assertAllExact(weeks);
  });
});
