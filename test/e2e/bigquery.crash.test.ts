import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signToken } from '../../src/keys/key-set.js';
import { countIds, PROJECT, skipWithoutBigQuery, startBigQuery, type Emulator } from '../support/bigquery.js';
import {
  killAll,
  nodeEnvironment,
  runHeadgate,
  spawnHeadgate,
  type HeadgateProcess,
} from '../support/headgate.js';
import { countInFiles } from '../support/parquet.js';
import { until } from '../support/until.js';

/** The shortest window of BigQuery's, and a Worker's death that is noticed by a heartbeat that does not come. */
const LOADED_WITHIN_MS = 150_000;
/** A process that is killed leaves the file that it was loading; such files go a day later. */
const KILLS = 2;
const DATASET = 'headgate_shop';
/** The shortest window that there is in BigQuery is 70 s. */
const WINDOW_CLOSES_MS = 120_000;
/** A load that waits asks every 15 s. */
const RESUMED_WITHIN_MS = 60_000;
const MISTYPED = `${PROJECT}-no-such`;

const idsOf = (prefix: string): string[] => Array.from({ length: 30 }, (_, index) => `${prefix}-${index}`);

/** A node of its own, whose tenant's project is mistyped. */
class RefusedTenant {
  readonly ids = Array.from({ length: 30 }, (_, index) => `e-${index}`);
  env: Record<string, string> = {};
  private dir = '';
  private url = '';

  /** Starts the node, and sends it the events that are to be loaded. */
  async start({ endpoint }: Emulator): Promise<void> {
    this.dir = await mkdtemp(join(tmpdir(), 'headgate-refused-'));
    this.env = { ...(await nodeEnvironment(this.dir)), HEADGATE_BIGQUERY_ENDPOINT: endpoint };
    await mkdir(join(this.dir, 'given'));
    await this.write(MISTYPED);
    const node = spawnHeadgate(['start', '--tenants', join(this.dir, 'given')], this.env);
    this.url = (await node.ready()).url;
    this.env = { ...this.env, HEADGATE_PORT: new URL(this.url).port };
    const events = this.ids.map((id) => ({ specversion: '1.0', id, source: 'test', type: 'order.made' }));
    await this.call('/v1/events', events);
  }

  async remove(): Promise<void> {
    if (this.dir !== '') await rm(this.dir, { recursive: true, force: true });
  }

  /** Writes the tenant's file, and gives its path. */
  async write(project: string): Promise<string> {
    const warehouse = { kind: 'bigquery', project, location: 'EU', window: '1m' };
    const subscriptions = [{ name: 'ops', kind: 'pull' }];
    const routes = [{ match: { type: 'headgate.subscription.*' }, to: ['ops'] }];
    const path = join(this.dir, 'given', 'kiosk.yaml');
    await writeFile(path, JSON.stringify({ tenant: 'kiosk', warehouse, subscriptions, routes }));
    return path;
  }

  async call(path: string, body: unknown): Promise<unknown> {
    const claims = { issuer: 'headgate', audience: 'headgate', expiresInSeconds: 3_600 };
    const token = await signToken(this.dir, { tenant: 'kiosk', scope: 'admin', ...claims });
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const answer = await fetch(`${this.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    const text = await answer.text();
    assert.ok(answer.ok, text);
    return JSON.parse(text);
  }

  async warehouse(): Promise<Record<string, unknown> | undefined> {
    const { stdout } = await runHeadgate(['subscription', 'list', '--tenant', 'kiosk', '--json'], this.env);
    const { subscriptions } = JSON.parse(stdout) as { subscriptions: Record<string, unknown>[] };
    return subscriptions.find(({ name }) => name === 'warehouse');
  }

  async scrape(): Promise<string> {
    return (await fetch(`${this.url}/metrics`)).text();
  }
}

let emulator: Emulator | undefined;

// Both wait for windows of a minute and more, so they wait together: the second's events are sent before the first begins.
describe('BigQuery as a warehouse', function () {
  this.timeout(400_000);
  const refused = new RefusedTenant();

  before(async function () {
    skipWithoutBigQuery(this);
    emulator = await startBigQuery();
    await refused.start(emulator);
  });
  after(async () => {
    await killAll();
    await emulator?.stop();
    await refused.remove();
  });

  describe('of a Headgate that is killed', describeKilled);
  describe('of a tenant whose loads it refuses', () => describeRefused(refused));
});

function describeKilled(): void {
  let dir: string;
  let env: Record<string, string>;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-bigquery-'));
    env = { ...(await nodeEnvironment(dir)), HEADGATE_BIGQUERY_ENDPOINT: emulator!.endpoint };
    await mkdir(join(dir, 'given'));
    const rules = [{ name: 'large', on: ['order.made'], when: 'event.data.amount >= 20' }];
    const bigQuery = { kind: 'bigquery', project: PROJECT, location: 'EU', window: '1m' };
    await write('shop', { warehouse: bigQuery, rules });
    await write('cafe', { warehouse: { window: '1s' }, rules });
  });
  after(async () => {
    await Promise.all(nodes.map((node) => node.signal('SIGKILL')));
    await rm(dir, { recursive: true, force: true });
  });

  const nodes: HeadgateProcess[] = [];
  const write = (tenant: string, config: object) =>
    writeFile(join(dir, 'given', `${tenant}.yaml`), JSON.stringify({ tenant, ...config }));

  const start = async (more: Record<string, string> = {}): Promise<[HeadgateProcess, string]> => {
    const node = spawnHeadgate(['start', '--tenants', join(dir, 'given')], { ...env, ...more });
    nodes.push(node);
    return [node, (await node.ready()).url];
  };

  async function post(url: string, tenant: string, prefix: string, stream = 'events'): Promise<void> {
    const claims = { issuer: 'headgate', audience: 'headgate', expiresInSeconds: 3_600 };
    const token = await signToken(dir, { tenant, scope: 'admin', ...claims });
    const events = idsOf(prefix).map((id, amount) => {
      return { specversion: '1.0', id, source: 'test', type: 'order.made', subject: 's', data: { amount } };
    });
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const answer = await fetch(`${url}/v1/${stream}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(events),
    });
    assert.equal(answer.status, 202, await answer.text());
  }

  const once = (...prefixes: string[]) => new Map(prefixes.flatMap(idsOf).map((id) => [id, 1]));
  const counts = (table?: Parameters<typeof countIds>[2]) => countIds(emulator as Emulator, DATASET, table);

  it('has every event once in BigQuery, though it is killed in the middle of its loads', async () => {
    const [first, url] = await start({ HEADGATE_FAULT: 'bigquery-submit.after' });
    await post(url, 'shop', 'first');
    await post(url, 'shop', 'profile', 'user-properties');
    await post(url, 'cafe', 'coffee');
    assert.equal((await first.finished).signal, 'SIGKILL', first.stderr);

    const [second, again] = await start({ HEADGATE_FAULT: 'bigquery-claim.after' });
    await post(again, 'shop', 'second');
    assert.equal((await second.finished).signal, 'SIGKILL', second.stderr);

    await start();
    await until(async () => {
      assert.deepEqual(await counts(), once('first', 'second'));
      assert.deepEqual(await counts('user_properties'), once('profile'));
      assert.equal((await counts('decisions')).size, 2 * idsOf('').length);
    }, LOADED_WITHIN_MS);
    assert.ok([...(await counts('decisions')).values()].every((count) => count === 1));
  });

  it('loads the other tenant into Parquet, and neither into the place of the other', async () => {
    await until(async () => {
      const { events } = await countInFiles(join(dir, 'warehouse'), 'cafe');
      assert.equal(events, idsOf('').length);
    }, 60_000);
    assert.deepEqual(readdirSync(join(dir, 'warehouse')), ['cafe']);
    const { datasets } = await (emulator as Emulator).ask<{ datasets: { id: string }[] }>('datasets');
    assert.deepEqual(
      datasets.map(({ id }) => id),
      [DATASET],
    );
    const left = readdirSync(join(dir, 'staging'));
    assert.ok(left.length <= KILLS, `staged files are deleted when they are loaded: ${left.join()}`);
  });

  it('is told by the doctor that BigQuery can be used', async () => {
    const { stdout } = await runHeadgate(['doctor'], env);
    assert.match(stdout, /ok +bigquery +can be used by 1 tenant/);
  });
}

function describeRefused(tenant: RefusedTenant): void {
  it('is paused by Headgate, with an alert; nothing is lost, and loaded once it is fixed and resumed', async () => {
    await until(async () => assert.equal((await tenant.warehouse())?.state, 'paused'), WINDOW_CLOSES_MS);
    const { by, reason, waiting } = (await tenant.warehouse())!;
    assert.equal(by, 'headgate');
    assert.match(
      String(reason),
      /the project, dataset or table is not there.*project headgate-test-no-such is not found/,
    );
    assert.ok((waiting as { windows: number }).windows >= 1, JSON.stringify(waiting));
    const pull = { maxMessages: 1, waitMs: 10_000 };
    const { messages } = (await tenant.call('/v1/subscriptions/ops/pull', pull)) as {
      messages: { event: Record<string, unknown> }[];
    };
    assert.equal(messages[0]?.event.type, 'headgate.subscription.paused');
    assert.match(await tenant.scrape(), /headgate_load_window_seconds\{tenant="kiosk"\} \d+/);

    const applied = await runHeadgate(['tenant', 'apply', await tenant.write(PROJECT)], tenant.env);
    assert.equal(applied.code, 0, applied.stderr);
    const resumed = await runHeadgate(
      ['subscription', 'resume', 'warehouse', '--tenant', 'kiosk'],
      tenant.env,
    );
    assert.equal(resumed.code, 0, resumed.stderr);
    await until(async () => {
      const found = await countIds(emulator as Emulator, 'headgate_kiosk');
      assert.deepEqual(found, new Map(tenant.ids.map((id) => [id, 1])));
    }, RESUMED_WITHIN_MS);
    assert.equal((await tenant.warehouse())?.state, 'active');
  });

  it('has its load jobs counted, in metrics and by the doctor', async () => {
    const text = await tenant.scrape();
    assert.match(text, new RegExp(`headgate_load_jobs\\{project="${PROJECT}"\\} 1\\n`));
    assert.match(text, new RegExp(`headgate_load_jobs_limit\\{project="${PROJECT}"\\} 100000\\n`));
    const { stdout } = await runHeadgate(['doctor'], tenant.env);
    assert.match(
      stdout,
      /ok +load jobs +project headgate-test: 1 of 100,000 in 24 hours; most of one table: kiosk events, 1 of 1,500/,
    );
  });
}
