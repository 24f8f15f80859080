import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signToken } from '../../src/keys/key-set.js';
import { countIds, PROJECT, skipWithoutBigQuery, startBigQuery, type Emulator } from '../support/bigquery.js';
import { killAll, nodeEnvironment, runHeadgate, spawnHeadgate } from '../support/headgate.js';
import { until } from '../support/until.js';

/** The shortest window that there is in BigQuery is 70 s. */
const WINDOW_CLOSES_MS = 120_000;
/** A load that waits asks every 15 s. */
const LOADED_WITHIN_MS = 60_000;
const MISTYPED = `${PROJECT}-no-such`;

describe('a tenant whose BigQuery refuses loads', function () {
  this.timeout(300_000);
  let emulator: Emulator | undefined;
  let dir: string;
  let env: Record<string, string>;
  let url: string;

  before(async function () {
    skipWithoutBigQuery(this);
    emulator = await startBigQuery();
    dir = await mkdtemp(join(tmpdir(), 'headgate-refused-'));
    env = { ...(await nodeEnvironment(dir)), HEADGATE_BIGQUERY_ENDPOINT: emulator.endpoint };
    await mkdir(join(dir, 'given'));
    await write(MISTYPED);
    const node = spawnHeadgate(['start', '--tenants', join(dir, 'given')], env);
    ({ url } = await node.ready());
    env = { ...env, HEADGATE_PORT: new URL(url).port };
  });
  after(async () => {
    await killAll();
    await emulator?.stop();
    if (dir !== undefined) await rm(dir, { recursive: true, force: true });
  });

  function write(project: string): Promise<void> {
    const warehouse = { kind: 'bigquery', project, location: 'EU', window: '1m' };
    const subscriptions = [{ name: 'ops', kind: 'pull' }];
    const routes = [{ match: { type: 'headgate.subscription.*' }, to: ['ops'] }];
    const config = { tenant: 'shop', warehouse, subscriptions, routes };
    return writeFile(join(dir, 'given', 'shop.yaml'), JSON.stringify(config));
  }

  async function call(path: string, body: unknown): Promise<unknown> {
    const claims = { issuer: 'headgate', audience: 'headgate', expiresInSeconds: 3_600 };
    const token = await signToken(dir, { tenant: 'shop', scope: 'admin', ...claims });
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const answer = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    const text = await answer.text();
    assert.ok(answer.ok, text);
    return JSON.parse(text);
  }

  const warehouse = async () => {
    const { stdout } = await runHeadgate(['subscription', 'list', '--tenant', 'shop', '--json'], env);
    const { subscriptions } = JSON.parse(stdout) as { subscriptions: Record<string, unknown>[] };
    return subscriptions.find(({ name }) => name === 'warehouse');
  };

  const scrape = async () => (await fetch(`${url}/metrics`)).text();

  it('is paused by Headgate, and told of it; nothing is lost, and loaded once it is mended and resumed', async () => {
    const ids = Array.from({ length: 30 }, (_, index) => `e-${index}`);
    const events = ids.map((id) => ({ specversion: '1.0', id, source: 'test', type: 'order.made' }));
    await call('/v1/events', events);
    await until(async () => assert.equal((await warehouse())?.state, 'paused'), WINDOW_CLOSES_MS);
    const { by, reason, waiting } = (await warehouse())!;
    assert.equal(by, 'headgate');
    assert.match(
      String(reason),
      /the project, dataset or table is not there.*project headgate-test-no-such is not found/,
    );
    assert.ok((waiting as { windows: number }).windows >= 1, JSON.stringify(waiting));
    const { messages } = (await call('/v1/subscriptions/ops/pull', { maxMessages: 1, waitMs: 10_000 })) as {
      messages: { event: Record<string, unknown> }[];
    };
    assert.equal(messages[0]?.event.type, 'headgate.subscription.paused');
    assert.match(await scrape(), /headgate_load_window_seconds\{tenant="shop"\} \d+/);

    await write(PROJECT);
    const applied = await runHeadgate(['tenant', 'apply', join(dir, 'given', 'shop.yaml')], env);
    assert.equal(applied.code, 0, applied.stderr);
    const resumed = await runHeadgate(['subscription', 'resume', 'warehouse', '--tenant', 'shop'], env);
    assert.equal(resumed.code, 0, resumed.stderr);
    await until(async () => {
      const counts = await countIds(emulator as Emulator, 'headgate_shop');
      assert.deepEqual(counts, new Map(ids.map((id) => [id, 1])));
    }, LOADED_WITHIN_MS);
    assert.equal((await warehouse())?.state, 'active');
  });

  it('has its load jobs counted, in metrics and by the doctor', async () => {
    const text = await scrape();
    assert.match(text, new RegExp(`headgate_load_jobs\\{project="${PROJECT}"\\} 1\\n`));
    assert.match(text, new RegExp(`headgate_load_jobs_limit\\{project="${PROJECT}"\\} 100000\\n`));
    const { stdout } = await runHeadgate(['doctor'], env);
    assert.match(
      stdout,
      /ok +load jobs +project headgate-test: 1 of 100,000 in 24 hours; most of one table: shop events, 1 of 1,500/,
    );
  });
});
