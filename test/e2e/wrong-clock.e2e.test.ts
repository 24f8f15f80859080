import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { signToken } from '../../src/keys/key-set.js';
import { killAll, nodeEnvironment, runHeadgate, spawnHeadgate } from '../support/headgate.js';
import { rowsInFiles } from '../support/parquet.js';
import { until } from '../support/until.js';

const SHIFT = new URL('../support/shifted-clock.mjs', import.meta.url);
const AHEAD_MS = 3 * 24 * 3_600_000;
const TENANTS = ['clock', 'other'];

describe('a node whose clock was three days ahead once', function () {
  this.timeout(120_000);
  let dir: string;
  let env: Record<string, string>;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-clock-'));
    mkdirSync(join(dir, 'tenants'));
    for (const tenant of TENANTS) {
      const config = { tenant, warehouse: { window: '1s' }, rules: [] };
      writeFileSync(join(dir, 'tenants', `${tenant}.yaml`), JSON.stringify(config));
    }
    env = { ...(await nodeEnvironment(dir)) };
  });
  after(async () => {
    await killAll();
    await rm(dir, { recursive: true, force: true });
  });

  async function post(url: string, tenant: string, id: string): Promise<string> {
    const claims = { issuer: 'headgate', audience: 'headgate', expiresInSeconds: 7 * 24 * 3_600 };
    const token = await signToken(dir, { tenant, scope: 'admin', ...claims });
    const response = await fetch(`${url}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/cloudevents-batch+json' },
      body: JSON.stringify([{ specversion: '1.0', id, source: '/shop', type: 'order.placed', data: {} }]),
    });
    const text = await response.text();
    const { results } = JSON.parse(text) as { results?: { status?: string; outcome?: string }[] };
    return results?.[0]?.status ?? results?.[0]?.outcome ?? text;
  }

  const ahead = {
    NODE_OPTIONS: `--import=${fileURLToPath(SHIFT)}`,
    HEADGATE_TEST_CLOCK_MS: String(AHEAD_MS),
  };

  it('is refused, loads in time where that is allowed, and still knows each id once it is right', async () => {
    const first = spawnHeadgate(['start'], env);
    const { url: before } = await first.ready();
    assert.equal(await post(before, 'other', 'o1'), 'accepted');
    assert.equal((await first.signal('SIGTERM')).code, 0);

    const refused = await runHeadgate(['start'], { ...env, ...ahead });
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /\[CLOCK_WRONG\]|CLOCK_WRONG/);

    const allowed = { ...env, ...ahead, HEADGATE_MAX_CLOCK_DIFFERENCE_SECONDS: '1000000' };
    const wrong = spawnHeadgate(['start'], allowed);
    assert.equal(await post((await wrong.ready()).url, 'clock', 'c1'), 'accepted');
    const ids = async () => (await rowsInFiles(join(dir, 'warehouse'), 'clock', 'events', 'id')).flat();
    await until(async () => assert.deepEqual(await ids(), ['c1']), 20_000);
    assert.equal((await wrong.signal('SIGTERM')).code, 0);

    const right = spawnHeadgate(['start'], env);
    const { url } = await right.ready();
    await right.logged(/CLOCK_WENT_BACK/);
    const outcomes: string[] = [];
    for (const [tenant, id] of [
      ['clock', 'c2'],
      ['clock', 'c2'],
      ['clock', 'c1'],
      ['other', 'o1'],
    ] as const)
      outcomes.push(await post(url, tenant, id));
    assert.deepEqual(outcomes, ['accepted', 'duplicate', 'duplicate', 'duplicate']);
  });
});
