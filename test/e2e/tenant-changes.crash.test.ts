import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { killAll, nodeEnvironment, spawnHeadgate, type HeadgateProcess } from '../support/headgate.js';
import { operatorApi } from '../support/operator-api.js';

const BEFORE = 'tenant: acme\n';
const AFTER = 'tenant: acme\nlimits: { eventsPerSecond: 7 }\n';

interface History {
  readonly changes: readonly { readonly number: number; readonly change: string; readonly reason?: string }[];
}

describe('a node that is killed in the midst of a change to a tenant', function () {
  this.timeout(120_000);
  let dir: string;
  let env: Readonly<Record<string, string>>;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-tenant-crash-'));
    env = await nodeEnvironment(dir);
  });
  afterEach(async () => {
    await killAll();
    await rm(dir, { recursive: true, force: true });
  });

  async function start(more: Record<string, string> = {}) {
    const node: HeadgateProcess = spawnHeadgate(['start'], { ...env, ...more });
    const { url } = await node.ready();
    return { node, ask: operatorApi(url, dir) };
  }

  /** Kills a node at the second change, starts it again, and gives what it knows then. */
  async function killedAt(point: string) {
    const doomed = await start({ HEADGATE_FAULT: `${point}:2` });
    const first = { config: BEFORE, reason: 'first' };
    const created = await doomed.ask<{ version: string }>('PUT', '/v1/tenants/acme', { body: first });
    assert.equal(created.status, 200);
    const headers = { 'if-match': `"${created.body.version}"` };
    const second = { body: { config: AFTER, reason: 'second' }, headers };
    await assert.rejects(doomed.ask('PUT', '/v1/tenants/acme', second), 'nobody was told that it was done');
    assert.equal((await doomed.node.finished).signal, 'SIGKILL');
    const { ask } = await start();
    const shown = await ask<{ config: string; inForce: boolean }>('GET', '/v1/tenants/acme');
    const history = await ask<History>('GET', '/v1/tenants/acme/changes');
    return { ask, second, shown: shown.body, changes: history.body.changes };
  }

  it('before it was written: the tenant is as it was, and the same change can be made again', async () => {
    const { ask, second, shown, changes } = await killedAt('tenant-change.before');
    assert.deepEqual([shown.config, shown.inForce], [BEFORE, true]);
    assert.deepEqual(
      changes.map(({ number, reason }) => [number, reason]),
      [[1, 'first']],
    );
    const again = await ask<{ number: number }>('PUT', '/v1/tenants/acme', second);
    assert.deepEqual([again.status, again.body.number], [200, 2]);
  });

  it('after it was written: it is in force, and the history says who made it and why', async () => {
    const { ask, second, shown, changes } = await killedAt('tenant-change.after');
    assert.deepEqual([shown.config, shown.inForce], [AFTER, true]);
    assert.equal(readFileSync(join(dir, 'tenants', 'acme.yaml'), 'utf8'), AFTER);
    assert.deepEqual(
      changes.map(({ number, reason }) => [number, reason]),
      [
        [2, 'second'],
        [1, 'first'],
      ],
    );
    const again = await ask('PUT', '/v1/tenants/acme', second);
    assert.deepEqual([again.status, again.body.code], [412, 'PRECONDITION_FAILED'], 'it is done already');
  });
});
