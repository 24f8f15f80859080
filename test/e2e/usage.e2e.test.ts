import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, HeadgateError } from '../../packages/client/src/index.js';
import { signToken, type TokenClaims } from '../../src/keys/key-set.js';
import { UsageJournal } from '../../src/stores/usage/journal.js';
import type { UsageReport } from '../../src/usage/report.js';
import { killAll, nodeEnvironment, runHeadgate, spawnHeadgate } from '../support/headgate.js';
import { until } from '../support/until.js';

const WITHIN_MS = 60_000;
const DAY_MS = 24 * 60 * 60 * 1_000;
const ISSUED = { issuer: 'headgate', audience: 'headgate', expiresInSeconds: 600 };

describe('usage, budgets and their events', function () {
  this.timeout(120_000);
  let dir: string;
  let env: Record<string, string>;
  let url: string;
  /** Over for an hour at least. */
  const past = new Date(Date.now() - 2 * DAY_MS).toISOString().slice(0, 10);

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-usage-'));
    const prices = join(dir, 'prices.yaml');
    await writeFile(prices, 'currency: EUR\nperMillion: { events: "0.40" }\n');
    env = { ...(await nodeEnvironment(dir)), HEADGATE_PRICES: prices };
    await mkdir(join(dir, 'given'));
    const subscriptions = [{ name: 'ops', kind: 'pull' }];
    const routes = [{ match: { type: 'headgate.budget.reached' }, to: ['ops'] }];
    const warehouse = { window: '1s' };
    const budget = { eventsPerDay: 5, cap: true };
    await writeTenant({ tenant: 'capped', budget, subscriptions, routes, warehouse });
    await writeTenant({ tenant: 'told', budget: { eventsPerDay: 5 }, subscriptions, routes, warehouse });
    await writeTenant({ tenant: 'free', warehouse });
    // Of a process that was killed on the day before.
    const journal = new UsageJournal(join(dir, 'usage', 'journals'));
    await journal.add([
      { name: 'x', tenant: 'free', day: past, stream: 'events', figures: { events: 3, bytesIn: 900 } },
    ]);
    await journal.close();
    const node = spawnHeadgate(['start', '--tenants', join(dir, 'given')], env);
    ({ url } = await node.ready());
    env = { ...env, HEADGATE_PORT: new URL(url).port };
  });
  after(async () => {
    await killAll();
    await rm(dir, { recursive: true, force: true });
  });

  async function writeTenant(config: {
    readonly tenant: string;
    readonly [key: string]: unknown;
  }): Promise<void> {
    await writeFile(join(dir, 'given', `${config.tenant}.yaml`), JSON.stringify(config));
  }

  const tokenOf = (claims: Pick<TokenClaims, 'tenant' | 'role' | 'tenants'>, scope = 'admin') =>
    signToken(dir, { ...claims, scope, ...ISSUED });

  const clientOf = (tenant: string) => createClient({ url, token: () => tokenOf({ tenant }) });

  const eventsOf = (name: string, count: number) =>
    Array.from({ length: count }, (_, n) => ({
      id: `${name}-${n}`,
      source: '/test',
      type: 'order.paid',
      data: { n },
    }));

  async function ask(
    path: string,
    token: string,
    headers = {},
  ): Promise<{ status: number; body: UsageReport }> {
    const response = await fetch(`${url}${path}`, {
      headers: { authorization: `Bearer ${token}`, ...headers },
    });
    return { status: response.status, body: (await response.json()) as UsageReport };
  }

  async function toldOnce(tenant: string): Promise<Record<string, unknown>> {
    const events: Record<string, unknown>[] = [];
    const consumer = clientOf(tenant).consume('ops', (event) => void events.push(event.data as never));
    await until(() => assert.ok(events.length > 0, 'not told yet'), WITHIN_MS);
    await consumer.stop();
    assert.equal(events.length, 1);
    return events[0]!;
  }

  it('refuses a tenant that has reached its cap until the next day, and tells it', async () => {
    const client = clientOf('capped');
    await client.publish('events', eventsOf('first', 5));
    const midnight = new Date(Math.ceil(Date.now() / DAY_MS) * DAY_MS).toISOString();
    const token = await tokenOf({ tenant: 'capped' });
    const [refused] = await until(async () => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/x-ndjson' };
      const response = await fetch(`${url}/v1/events`, { method: 'POST', headers, body: '{}' });
      assert.equal(response.status, 429);
      return [{ response, body: (await response.json()) as Record<string, unknown> }];
    }, WITHIN_MS);
    const { code, budget, opensAt } = refused!.body;
    assert.deepEqual([code, budget, opensAt], ['BUDGET_REACHED', 'eventsPerDay', midnight]);
    const seconds = Number(refused!.response.headers.get('retry-after'));
    assert.ok(Math.abs(Date.now() + seconds * 1_000 - Date.parse(midnight)) < 60_000, `${seconds} s`);
    const told = await toldOnce('capped');
    assert.deepEqual(
      { ...told, period: '' },
      {
        budget: 'eventsPerDay',
        period: '',
        limit: 5,
        used: 5,
        cap: true,
        opensAt: midnight,
      },
    );
  });

  it('takes it in again once its budget is raised', async () => {
    await writeTenant({ tenant: 'capped' });
    const applied = await runHeadgate(['tenant', 'apply', join(dir, 'given', 'capped.yaml')], env);
    assert.equal(applied.code, 0, applied.stderr);
    const token = await tokenOf({ tenant: 'capped' });
    await until(async () => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/x-ndjson' };
      const body = JSON.stringify({ specversion: '1.0', ...eventsOf('more', 1)[0] });
      const response = await fetch(`${url}/v1/events`, { method: 'POST', headers, body });
      assert.equal(response.status, 202, await response.text());
    }, WITHIN_MS);
  });

  it('only tells a tenant without a cap', async () => {
    const client = clientOf('told');
    await client.publish('events', eventsOf('first', 7));
    assert.equal((await toldOnce('told')).cap, false);
    await client.publish('events', eventsOf('second', 1));
    await until(async () => assert.equal((await client.usage()).total.events, 8), WITHIN_MS);
  });

  it('shows a tenant its own usage alone, and an operator that of all within reach', async () => {
    const told = await clientOf('told').usage({ by: 'stream' });
    assert.deepEqual([told.tenant, told.total.events, told.currency], ['told', 8, 'EUR']);
    assert.equal(told.total.cost, '0.0000032');
    await assert.rejects(
      createClient({ url, token: await tokenOf({ tenant: 'told' }, 'batches:read') }).usage(),
      (error) => error instanceof HeadgateError && error.details?.code === 'SCOPE_MISSING',
    );
    const other = await ask('/v1/usage', await tokenOf({ tenant: 'told' }), { 'headgate-tenant': 'free' });
    assert.equal(other.status, 403);
    const all = await ask('/v1/usage?by=tenant', await tokenOf({ role: 'operator' }));
    const rows = all.body.rows.map(({ tenant }) => tenant);
    assert.ok(rows.includes('told') && rows.includes('capped'), rows.join());
    const some = await ask('/v1/usage?by=tenant', await tokenOf({ role: 'operator', tenants: ['told'] }));
    assert.deepEqual(
      some.body.rows.map(({ tenant, events }) => [tenant, events]),
      [['told', 8]],
    );
    const beyond = await ask('/v1/usage', await tokenOf({ role: 'operator', tenants: ['told'] }), {
      'headgate-tenant': 'free',
    });
    assert.equal(beyond.status, 403);
    assert.equal((await ask('/v1/usage?from=2024-02-30', await tokenOf({ tenant: 'told' }))).status, 400);
  });

  it('has the days that are over in the table `usage`', async () => {
    await until(async () => {
      const sql = 'SELECT day, stream, events, bytes_in, cost FROM usage';
      const queried = await runHeadgate(['query', 'free', sql, '--format', 'csv'], env);
      assert.equal(queried.code, 0, queried.stderr);
      assert.match(queried.stdout, new RegExp(`^${past}.*,events,3,900,0\\.0000012`, 'm'));
    }, WITHIN_MS);
  });

  it('is printed by a command', async () => {
    const range = ['--from', past, '--to', past];
    const csv = await runHeadgate(['usage', '--tenant', 'free', ...range, '--csv'], env);
    assert.equal(csv.code, 0, csv.stderr);
    const [head, row] = csv.stdout.split('\n');
    assert.match(head ?? '', /^day,events,bytesIn,.*,actions,cost,currency$/);
    assert.equal(row, `${past},3,900,0,0,0,0,0,0,0,0,0,0.0000012,EUR`);
    const table = await runHeadgate(['usage', '--tenant', 'free', ...range], env);
    assert.match(table.stdout, /total/);
    const json = await runHeadgate(['usage', '--tenant', 'free', ...range, '--json'], env);
    assert.equal((JSON.parse(json.stdout) as UsageReport).total.events, 3);
  });
});
