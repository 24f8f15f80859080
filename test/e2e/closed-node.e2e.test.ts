import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, readdir, readlink, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { signToken } from '../../src/keys/key-set.js';
import { killAll, ownEnvironment, runHeadgate, spawnHeadgate } from '../support/headgate.js';
import { useTempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';
import { startReceiver, type WebhookReceiver } from '../support/webhook-receiver.js';

const WITHIN_MS = 60_000;
const KEY = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;

/** Runs what is in dist: a node with a Temporal of its own, and two tenants, one of which reaches for the other's secret. */
describe('a node of two tenants', function () {
  this.timeout(180_000);
  const dir = useTempDir();
  let receiver: WebhookReceiver | undefined;
  afterEach(async () => {
    await killAll();
    await receiver?.stop();
  });

  async function writeTenants(folder: string, url: string): Promise<void> {
    await mkdir(folder, { recursive: true });
    const routes = [{ match: { type: 'order.*' }, to: ['hook'] }];
    const of = (tenant: string, more: object): object => ({
      tenant,
      routes,
      warehouse: { window: '1s' },
      subscriptions: [{ name: 'hook', kind: 'push', url, ...more }],
    });
    const tenants: Record<string, object> = {
      victim: of('victim', { secret: 'env:HEADGATE_SECRET_VICTIM__KEY' }),
      attacker: of('attacker', { headers: { 'X-Any': 'env:HEADGATE_SECRET_VICTIM__TOKEN' } }),
      missing: of('missing', { secret: 'env:HEADGATE_SECRET_MISSING__KEY' }),
    };
    for (const [tenant, config] of Object.entries(tenants))
      await writeFile(join(folder, `${tenant}.yaml`), JSON.stringify(config));
  }

  async function openPaths(folder: string): Promise<string[]> {
    const names = await readdir(folder, { recursive: true });
    const modes = await Promise.all(
      ['', ...names].map(async (name) => {
        const found = await stat(join(folder, name)).catch(() => undefined);
        return found !== undefined && (found.mode & 0o077) !== 0 ? [name] : [];
      }),
    );
    return modes.flat();
  }

  it('gives nobody the secret of another, shows what does not deliver, and is open to nobody else', async () => {
    receiver = await startReceiver();
    const folder = join(dir(), 'data');
    await writeTenants(join(folder, 'tenants'), receiver.url);
    // As an earlier version has left it.
    await chmod(folder, 0o755);
    const env = {
      ...(await ownEnvironment(folder)),
      HEADGATE_PUSH_ALLOW: '127.0.0.0/8',
      HEADGATE_SECRET_VICTIM__KEY: KEY,
      HEADGATE_SECRET_VICTIM__TOKEN: 'hush',
    };
    const applied = await runHeadgate(['tenant', 'apply', join(folder, 'tenants', 'attacker.yaml')], env);
    assert.equal(applied.code, 1);
    assert.match(applied.stderr, /HEADGATE_SECRET_VICTIM__TOKEN is not a secret of tenant attacker/);

    const node = spawnHeadgate(['start'], env);
    const { url } = await node.ready();
    const issued = { issuer: 'headgate', audience: 'headgate', expiresInSeconds: 3_600 };
    const post = async (tenant: string): Promise<void> => {
      const token = await signToken(folder, { tenant, scope: 'events:write', ...issued });
      const event = { specversion: '1.0', source: '/shop', id: `${tenant}-1`, type: 'order.placed' };
      const answer = await fetch(`${url}/v1/events`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/cloudevents+json' },
        body: JSON.stringify(event),
      });
      assert.equal(answer.status, 202);
    };
    for (const tenant of ['victim', 'attacker', 'missing']) await post(tenant);
    await until(() => assert.equal(receiver?.requests.length, 1), WITHIN_MS);

    const shown = async (tenant: string): Promise<string> => {
      const { code, stdout, stderr } = await runHeadgate(
        ['subscription', 'show', 'hook', '--tenant', tenant, '--url', url],
        env,
      );
      assert.equal(code, 0, stderr);
      return stdout;
    };
    await until(async () => {
      assert.match(
        await shown('attacker'),
        /breaker-open[^]*SECRET_REFUSED: HEADGATE_SECRET_VICTIM__TOKEN is not/,
      );
      assert.match(await shown('missing'), /breaker-open[^]*SECRET_MISSING: .*HEADGATE_SECRET_MISSING__KEY/);
    }, WITHIN_MS);
    assert.match(await shown('victim'), /state +active/);
    await until(async () => {
      const query = `SELECT count(*) AS n FROM events WHERE type = 'headgate.subscription.breaker-opened'`;
      const { stdout } = await runHeadgate(['query', 'missing', query, '--format', 'csv'], env);
      assert.match(stdout, /^n\r?\n1\r?\n/);
    }, WITHIN_MS);
    const doctor = await runHeadgate(['doctor'], env);
    assert.match(doctor.stdout, /warn +subscriptions +2 of 3 can deliver nothing from here/);
    assert.deepEqual(
      receiver.requests.map(({ headers }) => headers['x-any']),
      [undefined],
    );

    // The files of tenants were made by this test; all else is made by Headgate and by Temporal.
    const open = await openPaths(folder);
    assert.deepEqual(
      open.filter((name) => !name.startsWith('tenants')),
      [],
    );
    assert.ok(!node.stderr.includes('hush') && !node.stdout.includes('hush'));
    assert.match(node.stdout + node.stderr, /TEMPORAL_SERVER_OPEN/);
  });

  it("serves no HTTP API of Temporal's, and no UI where none is asked for", async function () {
    if (process.platform !== 'linux') return this.skip();
    const own = await ownEnvironment(join(dir(), 'data'));
    const node = spawnHeadgate(['start'], { ...own, HEADGATE_TEMPORAL_UI: 'off' });
    await node.ready();
    await assert.rejects(fetch(`http://127.0.0.1:${own.HEADGATE_TEMPORAL_UI_PORT}/`));
    const record = await readFile(join(dir(), 'data', 'temporal', 'temporal.db.server.json'), 'utf8');
    const { server } = JSON.parse(record) as { server: { process: { pid: number } } };
    const ports = await listeningPorts(server.process.pid);
    assert.ok(ports.includes(Number(own.HEADGATE_TEMPORAL_PORT)));
    const statuses = await Promise.all(
      ports.map(async (port) => {
        const signal = AbortSignal.timeout(2_000);
        const asked = fetch(`http://127.0.0.1:${port}/api/v1/namespaces`, { signal });
        return (await asked.catch(() => undefined))?.status;
      }),
    );
    assert.ok(statuses.includes(403) && !statuses.includes(200), String(statuses));
  });
});

/** Ports that a process listens on: its sockets among those of the machine. */
async function listeningPorts(pid: number): Promise<number[]> {
  const fds = await readdir(`/proc/${pid}/fd`);
  const links = await Promise.all(fds.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
  const inodes = new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
  const lines = (await readFile(`/proc/${pid}/net/tcp`, 'utf8')).split('\n').slice(1);
  return lines.flatMap((line) => {
    const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
    const listens = state === '0A' && inodes.has(inode);
    return listens ? [Number.parseInt(local.split(':')[1] ?? '', 16)] : [];
  });
}
