import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../bench/system/free-port.js';
import { signToken } from '../../src/keys/key-set.js';
import type { UsageReport } from '../../src/usage/report.js';
import { killAll, nodeEnvironment, spawnHeadgate, type HeadgateProcess } from '../support/headgate.js';
import { printedSeed, Random } from '../support/random.js';
import { startReceiver, type Receiver } from '../support/receiver.js';
import { until } from '../support/until.js';

const SECRET = `whsec_${Buffer.from('a secret of at least twenty-four bytes').toString('base64')}`;
const TENANTS = ['shop', 'cafe'];
const WITHIN_MS = 90_000;
const PER_REQUEST = 40;
const KILLS = 4;

/** What the kernel says that a process has taken so far, in seconds. */
async function cpuSecondsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

describe('usage, with a node that is killed', function () {
  this.timeout(240_000);
  let dir: string;
  let env: Record<string, string>;
  let url: string;
  let receiver: Receiver;
  const tokens = new Map<string, string>();
  const posted = new Map<string, number>();

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-usage-'));
    const port = await freePort();
    receiver = await startReceiver();
    const prices = join(dir, 'prices.yaml');
    await writeFile(prices, 'currency: EUR\nperMillion: { events: "0.40", actions: "25" }\n');
    env = {
      ...(await nodeEnvironment(dir)),
      HEADGATE_PORT: String(port),
      HEADGATE_PUSH_ALLOW: '127.0.0.0/8',
      HEADGATE_SECRET_SHOP__CRM: SECRET,
      HEADGATE_PRICES: prices,
    };
    url = `http://127.0.0.1:${port}`;
    await mkdir(join(dir, 'given'));
    const crm = { name: 'crm', kind: 'push', url: receiver.url, secret: 'env:HEADGATE_SECRET_SHOP__CRM' };
    const routes = [{ match: { type: 'order.*' }, to: ['crm'] }];
    for (const tenant of TENANTS) {
      const delivered = tenant === 'shop' && { subscriptions: [crm], routes };
      const config = { tenant, warehouse: { window: '1s' }, ...delivered };
      await writeFile(join(dir, 'given', `${tenant}.yaml`), JSON.stringify(config));
    }
  });
  after(async () => {
    await killAll();
    await receiver.down();
    await rm(dir, { recursive: true, force: true });
  });

  async function start(): Promise<HeadgateProcess> {
    const started = spawnHeadgate(['start', '--tenants', join(dir, 'given')], env);
    await started.ready();
    return started;
  }

  async function ask(tenant: string, method: string, path: string, body?: object): Promise<unknown> {
    const headers = { authorization: `Bearer ${tokens.get(tenant)}`, 'content-type': 'application/json' };
    const response = await fetch(`${url}${path}`, { method, headers, body: body && JSON.stringify(body) });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  const usageOf = async (tenant: string, by = 'stream'): Promise<UsageReport> =>
    (await ask(tenant, 'GET', `/v1/usage?by=${by}`)) as UsageReport;

  /** Posts requests, each until it is acknowledged, whatever happens to the node meanwhile. */
  async function postAll(tenant: string, isOver: () => boolean): Promise<void> {
    for (let n = 0; !isOver(); n++) {
      const events = Array.from({ length: PER_REQUEST }, (_, k) => {
        const id = `${tenant}-${n}-${k}`;
        return { specversion: '1.0', id, source: 'test', type: 'order.made', subject: 's', data: { id } };
      });
      await until(() => ask(tenant, 'POST', '/v1/events', events), WITHIN_MS);
      posted.set(tenant, (posted.get(tenant) ?? 0) + events.length);
      await sleep(20);
    }
  }

  /** Within one in a hundred. */
  function near(what: string, counted: number, expected: number): void {
    const off = Math.abs(counted - expected) / Math.max(1, expected);
    assert.ok(off <= 0.01, `${what}: ${counted} counted, and ${expected} expected`);
  }

  it('adds up to what was done, however often it is killed', async () => {
    let node = await start();
    const claims = { issuer: 'headgate', audience: 'headgate', expiresInSeconds: 3_600 };
    for (const tenant of TENANTS)
      tokens.set(tenant, await signToken(dir, { tenant, scope: 'admin', ...claims }));
    let isOver = false;
    const posting = Promise.all(TENANTS.map((tenant) => postAll(tenant, () => isOver)));
    const random = new Random(printedSeed('the kills of usage'));
    let cpuSeconds = 0;
    for (let kills = 0; kills < KILLS; kills++) {
      await sleep(random.between(1_500, 4_000));
      cpuSeconds += await cpuSecondsOf(node.pid!);
      await node.signal('SIGKILL');
      node = await start();
    }
    await sleep(1_500);
    isOver = true;
    await posting;

    await until(async () => {
      for (const tenant of TENANTS) {
        const { total } = await usageOf(tenant);
        const events = posted.get(tenant)!;
        assert.equal(total.events, events);
        near('loaded rows', total.loadedRows, events);
      }
      const { rows, total } = await usageOf('shop', 'subscription');
      const crm = rows.find(({ subscription }) => subscription === 'crm');
      near('delivered events', crm?.deliveredEvents ?? 0, posted.get('shop')!);
      assert.equal(total.deliveredEvents, crm?.deliveredEvents);
    }, WITHIN_MS);

    cpuSeconds += await cpuSecondsOf(node.pid!);
    const totals = await Promise.all(TENANTS.map(async (tenant) => (await usageOf(tenant)).total));
    const shared = totals.reduce((sum, total) => sum + total.cpuSeconds, 0);
    assert.ok(shared > 0 && shared <= cpuSeconds, `${shared} of ${cpuSeconds} s of CPU are shared out`);
    for (const total of totals) assert.ok(total.actions > total.workflows && total.workflows > 0);

    // The same after a clean stop and another start: nothing is folded twice.
    assert.equal((await node.signal('SIGTERM')).code, 0);
    await start();
    for (const [index, tenant] of TENANTS.entries()) {
      const { total } = await usageOf(tenant);
      for (const figure of ['events', 'bytesIn', 'storedBytes', 'loadedRows', 'deliveredEvents'] as const)
        assert.equal(total[figure], totals[index]![figure], figure);
    }
  });

  it('tells a tenant nothing of another', async () => {
    const [shop, cafe] = [await usageOf('shop'), await usageOf('cafe')];
    assert.equal(shop.tenant, 'shop');
    assert.equal(cafe.tenant, 'cafe');
    assert.equal(cafe.total.deliveredEvents, 0);
  });
});
