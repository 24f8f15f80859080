import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { killAll, nodeEnvironment, runHeadgate, spawnHeadgate } from '../support/headgate.js';

describe('commands that change tenants by a running node', function () {
  this.timeout(120_000);
  let dir: string;
  let url: string;
  let env: Readonly<Record<string, string>>;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-cli-tenants-'));
    env = await nodeEnvironment(dir);
    ({ url } = await spawnHeadgate(['start'], env).ready());
  });
  after(async () => {
    await killAll();
    await rm(dir, { recursive: true, force: true });
  });

  const run = (...args: string[]) => runHeadgate([...args, '--url', url], env);
  async function file(name: string, text: string): Promise<string> {
    await writeFile(join(dir, name), text);
    return join(dir, name);
  }

  it('put, show, put again, history and delete', async () => {
    const created = await run(
      'tenant',
      'put',
      await file('a.yaml', '# ours\ntenant: UA\n'),
      '--reason',
      'new',
    );
    assert.deepEqual([created.code, created.stderr], [0, '']);
    const [, version = ''] = /^UA tenant-created version ([0-9a-f]{12})\n$/.exec(created.stdout) ?? [];
    assert.notEqual(version, '', created.stdout);
    const shown = await run('tenants', 'show', 'UA');
    assert.deepEqual([shown.stdout, shown.stderr], ['# ours\ntenant: UA\n', `version ${version}\n`]);

    const more = await file('b.yaml', 'tenant: UA\nlimits: { eventsPerSecond: 7 }\n');
    const without = await run('tenant', 'put', more);
    assert.equal(without.code, 1);
    assert.match(without.stderr, new RegExp(`If-Match: "${version}"[^]*PRECONDITION_REQUIRED`));
    assert.equal((await run('tenant', 'put', more, '--replaces', version)).code, 0);
    assert.match((await run('tenant', 'put', more, '--replaces', version)).stderr, /PRECONDITION_FAILED/);
    const wrong = await file('c.yaml', 'tenant: UA\nlimit: {}\n');
    assert.match(
      (await run('tenant', 'put', wrong, '--replaces', 'any')).stderr,
      /UA\.yaml:2:1: unknown key "limit"/,
    );

    const crm = await file('crm.yaml', 'kind: pull\nroutes:\n  - match: { type: order.* }\n');
    const put = await run('subscription', 'put', 'crm', crm, '--tenant', 'UA', '--replaces', 'any');
    assert.match(put.stdout, /^UA subscription-created version/, put.stderr);
    const list = await run('subscription', 'list', '--tenant', 'UA');
    assert.match(list.stdout, /crm +│ pull/, list.stderr);
    const gone = await run(
      'subscriptions',
      'delete',
      'crm',
      '--tenant',
      'UA',
      '--replaces',
      'any',
      '--reason',
      'no more',
    );
    assert.match(gone.stdout, /^UA subscription-deleted/, gone.stderr);

    const applied = await runHeadgate(
      ['tenant', 'apply', await file('UA.yaml', 'tenant: UA\n'), '--reason', 'by file'],
      env,
    );
    assert.match(applied.stdout, /^UA changed/, applied.stderr);
    const deleted = await run('tenant', 'delete', 'UA', '--replaces', 'any', '--reason', 'they left');
    assert.equal(deleted.stdout, 'UA tenant-deleted\n', deleted.stderr);
    const history = await run('tenant', 'history', 'UA');
    assert.match(
      history.stdout,
      /tenant-deleted[^]*they left[^]*tenant-replaced[^]*by file[^]*subscription-deleted[^]*no more[^]*crm[^]*tenant-created[^]*new/,
    );
  });

  it("a tenant's own token gets no such scope", async () => {
    for (const scope of ['tenants:write', 'events:write tenants:read']) {
      const refused = await runHeadgate(['token', '--tenant', 'UA', '--scope', scope], env);
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /is for operators alone/);
    }
  });
});
