import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signToken } from '../../src/keys/key-set.js';
import { killAll, nodeEnvironment, spawnHeadgate } from '../support/headgate.js';
import { operatorApi } from '../support/operator-api.js';

interface Changed {
  readonly version?: string;
  readonly change: string;
  readonly number?: number;
  readonly inForceAt?: string;
  readonly issues?: readonly { readonly line: number; readonly column: number; readonly message: string }[];
}

interface History {
  readonly changes: readonly Readonly<Record<string, unknown>>[];
}

const NEW = { 'if-none-match': '*' };
const ANY = { 'if-match': '*' };
const quoted = (version = ''): Record<string, string> => ({ 'if-match': `"${version}"` });

describe('tenants, changed while a node runs', function () {
  this.timeout(120_000);
  let dir: string;
  let url: string;
  let ask: ReturnType<typeof operatorApi>;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-tenants-'));
    ({ url } = await spawnHeadgate(['start'], await nodeEnvironment(dir)).ready());
    ask = operatorApi(url, dir);
  });
  after(async () => {
    await killAll();
    await rm(dir, { recursive: true, force: true });
  });

  const put = (tenant: string, config: unknown, headers: Record<string, string> = {}, more: object = {}) =>
    ask<Changed>('PUT', `/v1/tenants/${tenant}`, { body: { config, ...more }, headers });

  async function made(tenant: string, config: string): Promise<string> {
    const { status, body } = await put(tenant, config, NEW);
    assert.equal(status, 200, JSON.stringify(body));
    return body.version!;
  }

  async function send(tenant: string): Promise<number> {
    const claims = { issuer: 'headgate', audience: 'headgate', expiresInSeconds: 600 };
    const token = await signToken(dir, { tenant, scope: 'events:write', ...claims });
    const event = { specversion: '1.0', id: 'e1', source: '/shop', type: 'order.paid', data: {} };
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    return (await fetch(`${url}/v1/events`, { method: 'POST', headers, body: JSON.stringify(event) })).status;
  }

  it('a tenant is created, takes events at once, is replaced, read and deleted', async () => {
    assert.equal(await send('acme'), 403);
    const created = await put('acme', { tenant: 'acme' }, NEW, { reason: 'a new customer' });
    assert.deepEqual([created.status, created.body.change, created.body.number], [200, 'tenant-created', 1]);
    assert.ok(created.body.inForceAt, 'it is in force when it is answered');
    assert.equal(await send('acme'), 202, 'and takes events without a restart');

    const config = '# ours\ntenant: acme\nlimits: { eventsPerSecond: 10 }\n';
    const replaced = await put('acme', config, quoted(created.body.version), { reason: 'they pay less' });
    assert.deepEqual([replaced.status, replaced.body.change], [200, 'tenant-replaced']);
    assert.equal(readFileSync(join(dir, 'tenants', 'acme.yaml'), 'utf8'), config, 'the file is the truth');
    const shown = await ask<{ config: string; version: string }>('GET', '/v1/tenants/acme');
    assert.deepEqual([shown.body.config, shown.body.version], [config, replaced.body.version]);
    assert.equal(shown.headers.get('etag'), `"${replaced.body.version}"`);

    const same = await put('acme', config, quoted(replaced.body.version));
    assert.deepEqual([same.body.change, same.body.number], ['unchanged', undefined]);
    const path = '/v1/tenants/acme?reason=they+left';
    const deleted = await ask<Changed>('DELETE', path, { headers: quoted(replaced.body.version) });
    assert.deepEqual(
      [deleted.status, deleted.body.change, deleted.body.version],
      [200, 'tenant-deleted', undefined],
    );
    assert.ok(deleted.body.inForceAt);
    assert.equal(await send('acme'), 403);
    assert.equal((await ask('GET', '/v1/tenants/acme')).status, 404);

    const { body } = await ask<History>('GET', '/v1/tenants/acme/changes');
    assert.deepEqual(
      body.changes.map(({ number, change, by, role, reason }) => [number, change, by, role, reason]),
      [
        [3, 'tenant-deleted', 'ops@example.com', 'operator', 'they left'],
        [2, 'tenant-replaced', 'ops@example.com', 'operator', 'they pay less'],
        [1, 'tenant-created', 'ops@example.com', 'operator', 'a new customer'],
      ],
    );
    const again = await put('acme', { tenant: 'acme' }, NEW);
    assert.deepEqual([again.status, again.body.code], [409, 'STATE_CONFLICT'], 'its batches are still here');
    assert.equal((await put('acme', { tenant: 'acme' }, NEW, { keepData: true })).status, 200);
  });

  it('what does not fit the schema is refused as in a file, with the place, and changes nothing', async () => {
    const version = await made('strict', 'tenant: strict\n');
    const wrong = 'tenant: strict\nrules:\n  - { name: late, on: [a], when: "event.data.x >" }\nlimit: {}\n';
    const { status, body } = await put('strict', wrong, quoted(version));
    assert.deepEqual([status, body.code], [422, 'TENANT_CONFIG_INVALID']);
    assert.match(
      body.detail ?? '',
      /^strict\.yaml:3:\d+: rules\.0\.when: .*\nstrict\.yaml:4:1: unknown key "limit"/s,
    );
    assert.deepEqual(
      body.issues?.map(({ line }) => line),
      [3, 4],
    );
    const other = await put('strict', 'tenant: other\n', quoted(version));
    assert.match(other.body.detail ?? '', /must be strict as in the path/);
    const secret =
      'tenant: strict\nsubscriptions: [{ name: a, kind: push, url: "https://a.example", secret: "env:HEADGATE_SECRET_ACME__X" }]';
    assert.match(
      (await put('strict', secret, quoted(version))).body.detail ?? '',
      /not a secret of tenant strict/,
    );
    assert.match(
      (await put('STRICT', 'tenant: STRICT\n', NEW)).body.detail ?? '',
      /differs from tenant strict by case/,
    );
    const now = await ask<{ version: string }>('GET', '/v1/tenants/strict');
    assert.equal(now.body.version, version);
  });

  it('of two operators who change the same version, the second is refused', async () => {
    const version = await made('two', 'tenant: two\n');
    const answers = await Promise.all(
      [1, 2, 3, 4].map((n) =>
        put('two', `tenant: two\nlimits: { eventsPerSecond: ${n} }\n`, quoted(version)),
      ),
    );
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 412, 412, 412]);
    const winner = answers.find(({ status }) => status === 200)!.body.version;
    const loser = answers.find(({ status }) => status === 412)!.body;
    assert.deepEqual([loser.code, loser.version], ['PRECONDITION_FAILED', winner]);

    const without = await put('two', 'tenant: two\n');
    assert.deepEqual([without.status, without.body.code], [428, 'PRECONDITION_REQUIRED']);
    assert.equal((await put('two', 'tenant: two\n', NEW)).status, 412);
    assert.equal((await put('none', 'tenant: none\n', quoted(version))).status, 412);
    assert.equal((await put('two', 'tenant: two\n', { 'if-match': 'W/"a"' })).status, 400);
    assert.equal((await ask('DELETE', '/v1/tenants/two')).status, 428);
    assert.equal((await put('two', 'tenant: two\n', ANY)).status, 200);
  });

  it('a subscription is created, replaced and deleted, and the rest of the file stays', async () => {
    await made(
      'subs',
      '# ours\ntenant: subs # the one\nsubscriptions:\n  - { name: a, kind: pull }\nroutes:\n  - match: {}\n    to: [a]\n',
    );
    const path = '/v1/tenants/subs/subscriptions/crm';
    const subscription = { kind: 'push', url: 'https://crm.example/hooks' };
    const routes = [{ match: { type: 'order.*' } }];
    assert.equal((await ask('PUT', path, { body: { subscription } })).status, 428);
    const created = await ask<Changed>('PUT', path, { body: { subscription, routes }, headers: ANY });
    assert.deepEqual(
      [created.status, created.body.change],
      [200, 'subscription-created'],
      JSON.stringify(created.body),
    );
    const replaced = await ask<Changed>('PUT', path, {
      body: { subscription: { ...subscription, timeout: '5s' } },
      headers: quoted(created.body.version),
    });
    assert.equal(replaced.body.change, 'subscription-replaced');
    const { config } = (await ask<{ config: string }>('GET', '/v1/tenants/subs')).body;
    assert.match(config, /^# ours\ntenant: subs # the one\n/);
    assert.match(config, /timeout: 5s[^]*type: order\.\*/);

    const wrong = { subscription: { kind: 'push', url: 'ftp://x' } };
    const refused = await ask('PUT', path, { body: wrong, headers: ANY });
    assert.deepEqual([refused.status, refused.body.code], [422, 'TENANT_CONFIG_INVALID']);
    assert.match(refused.body.detail ?? '', /subscriptions\.1\.url must be an http or https address/);

    const deleted = await ask<Changed>('DELETE', path, { headers: ANY });
    assert.deepEqual([deleted.status, deleted.body.change], [200, 'subscription-deleted']);
    const after = (await ask<{ config: string }>('GET', '/v1/tenants/subs')).body.config;
    assert.ok(!after.includes('crm') && !after.includes('order.*'), after);
    assert.equal((await ask('DELETE', path, { headers: ANY })).status, 404);
    assert.equal((await ask('PUT', path.replace('subs', 'nobody'), { body: { subscription } })).status, 404);
  });

  it('an operator with a list of tenants touches those alone, and a tenant none', async () => {
    await made('in-list', 'tenant: in-list\n');
    await made('outside', 'tenant: outside\n');
    const listed = { tenants: ['in-list', 'not-yet'] };
    const as = (more: object) => ({ as: { ...more }, headers: ANY });
    const calls: [method: string, path: string, body?: object][] = [
      ['GET', '/v1/tenants/outside'],
      ['GET', '/v1/tenants/outside/changes'],
      ['PUT', '/v1/tenants/outside', { config: 'tenant: outside\n' }],
      ['DELETE', '/v1/tenants/outside'],
      ['PUT', '/v1/tenants/outside/subscriptions/a', { subscription: { kind: 'pull' } }],
      ['DELETE', '/v1/tenants/outside/subscriptions/a'],
    ];
    for (const [method, path, body] of calls) {
      const code = async (more: object) => {
        const { status, body: answer } = await ask(method, path, { body, ...as(more) });
        return [status, answer.code];
      };
      assert.deepEqual(await code(listed), [403, 'TENANT_OUT_OF_REACH'], path);
      assert.deepEqual(
        await code({ tenant: 'outside', scope: 'admin tenants:write' }),
        [403, 'OPERATOR_ONLY'],
        path,
      );
      assert.deepEqual(await code({ tenant: 'in-list', scope: 'admin' }), [403, 'OPERATOR_ONLY'], path);
      assert.deepEqual(await code({ scope: 'status:read' }), [403, 'SCOPE_MISSING'], path);
      if (method !== 'GET')
        assert.deepEqual(await code({ scope: 'tenants:read' }), [403, 'SCOPE_MISSING'], path);
    }
    assert.equal(
      (await ask('GET', '/v1/tenants', { as: { tenant: 'outside', scope: 'admin' } })).status,
      403,
    );
    const ids = async (claims: object): Promise<string[]> => {
      const { body } = await ask<{ tenants: { tenant: string }[] }>('GET', '/v1/tenants?limit=1000', {
        as: claims,
      });
      return body.tenants.map(({ tenant }) => tenant);
    };
    assert.deepEqual(await ids(listed), ['in-list']);
    assert.ok((await ids({})).includes('outside'));
    const own = await ask('PUT', '/v1/tenants/not-yet', {
      body: { config: { tenant: 'not-yet' } },
      as: listed,
    });
    assert.equal(own.status, 200, 'one of its list may be created');
    assert.equal(readFileSync(join(dir, 'tenants', 'outside.yaml'), 'utf8'), 'tenant: outside\n');
  });

  it('pages through tenants, refuses ids that are none, and takes a suspended one', async () => {
    const first = await ask<{ tenants: object[]; nextAfter: string }>('GET', '/v1/tenants?limit=1');
    assert.equal(first.body.tenants.length, 1);
    const next = await ask<{ tenants: { tenant: string }[] }>(
      'GET',
      `/v1/tenants?limit=1&after=${first.body.nextAfter}`,
    );
    assert.ok(next.body.tenants[0]!.tenant > first.body.nextAfter);
    for (const id of ['..%2fkeys', 'a%00', 'x'.repeat(64), '-a'])
      assert.equal((await ask('GET', `/v1/tenants/${id}`)).status, 400, id);
    await made('later', 'tenant: later\nsuspended: true\n');
    assert.equal(
      (await put('later', 'tenant: later\n', ANY)).status,
      200,
      'what is suspended can be taken up again',
    );
    const header = { headers: { 'headgate-tenant': 'two' } };
    assert.equal((await ask('GET', '/v1/tenants/later', header)).status, 400);
  });

  it('a literal secret is never shown, and comes into no version that is kept', async () => {
    const literal = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
    const config = `tenant: lit\nsubscriptions: [{ name: a, kind: push, url: "https://a.example", secret: "${literal}" }]\n`;
    await made('lit', config);
    const shown = (await ask<{ config: string }>('GET', '/v1/tenants/lit')).body.config;
    assert.ok(!shown.includes(literal) && shown.includes('SECRET/LEFT/OUT'));
    const back = await put('lit', shown, ANY);
    assert.match(back.body.detail ?? '', /put this one in again/);
    const body = { subscription: { kind: 'pull' } };
    assert.equal((await ask('PUT', '/v1/tenants/lit/subscriptions/b', { body, headers: ANY })).status, 200);
    assert.ok(
      readFileSync(join(dir, 'tenants', 'lit.yaml'), 'utf8').includes(literal),
      'a secret beside it stays',
    );
  });

  it('the audit log has who changed which tenant, and why', async () => {
    await put('audited', 'tenant: audited\n', NEW, { reason: 'for the log' });
    const as = { scope: 'audit-log:read' };
    const path = '/v1/audit-log?act=putTenant&limit=1000';
    const { body } = await ask<{ entries: Record<string, unknown>[] }>('GET', path, { as });
    const entry = body.entries.find(({ tenant }) => tenant === 'audited');
    assert.deepEqual(
      [entry?.subject, entry?.role, entry?.reason, entry?.outcome, entry?.params],
      ['ops@example.com', 'operator', 'for the log', 'ok', { tenant: 'audited' }],
    );
  });
});
