import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashOf } from '../../src/sources/key-form.js';
import { openKnownKeys, type KnownKeys } from '../../src/sources/known-keys.js';
import { killAll, nodeEnvironment, runHeadgate, spawnHeadgate, type Finished } from '../support/headgate.js';
import { operatorApi } from '../support/operator-api.js';
import { until } from '../support/until.js';

interface Source {
  readonly name: string;
  readonly keys: readonly { readonly id: number; readonly ends: string; readonly validUntil?: string }[];
  readonly key?: string;
  readonly sources: readonly Source[];
  readonly problems: unknown;
}

const PATH = '/v1/tenants/acme/sources';
const WITHIN_MS = 30_000;
const KEY_LINE = /^c[a-z0-9]{24}\n$/;

describe('sources of tenants, made through a node', function () {
  this.timeout(120_000);
  let dir: string;
  let env: Record<string, string>;
  let url: string;
  let said = '';
  let ask: ReturnType<typeof operatorApi>;
  let known: KnownKeys;
  const seen: string[] = [];

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-sources-'));
    env = { ...(await nodeEnvironment(dir)), HEADGATE_LOG_LEVEL: 'trace' };
    const node = spawnHeadgate(['start'], env);
    ({ url } = await node.ready());
    ask = operatorApi(url, dir);
    for (const tenant of ['acme', 'other'])
      await ask('PUT', `/v1/tenants/${tenant}`, { body: { config: { tenant } } });
    // As an API of another process would.
    known = await openKnownKeys({
      directory: join(dir, 'sources'),
      isActive: () => true,
      log: { warn: () => undefined, error: () => undefined },
    });
    void node.finished.then(({ stdout, stderr }) => (said = stdout + stderr));
  });
  after(async () => {
    await killAll();
    await known.close();
    await rm(dir, { recursive: true, force: true });
  });

  async function change(method: string, path: string, body?: object): Promise<Source & { code?: string }> {
    const answer = await ask<Source>(method, `${PATH}${path}`, { body });
    if (answer.body.key !== undefined) seen.push(answer.body.key);
    return answer.body;
  }

  const command = (...args: string[]): Promise<Finished> =>
    runHeadgate(['source', ...args, '--tenant', 'other', '--url', url], env);

  it('are made, shown without their keys, rotated and revoked, and another process sees it', async () => {
    const made = await change('POST', '', { name: 'web', eventTypes: ['track.*'], reason: 'the shop' });
    assert.match(`${made.key}\n`, KEY_LINE);
    await until(() => assert.equal(known.find(made.key!)?.name, 'web'), WITHIN_MS);
    const rotated = await change('POST', '/web/keys/rotate', { overlapSeconds: 3_600 });
    assert.deepEqual(
      rotated.keys.map(({ id, validUntil }) => [id, validUntil !== undefined]),
      [
        [2, false],
        [1, true],
      ],
    );
    await until(() => assert.ok(known.find(made.key!) && known.find(rotated.key!)), WITHIN_MS);
    await change('DELETE', '/web/keys/1?reason=it+was+in+a+log');
    await until(() => assert.equal(known.find(made.key!), undefined), WITHIN_MS);
    const { body } = await ask<Source>('GET', PATH);
    assert.equal(body.sources.length, 1);
    for (const key of seen) assert.ok(!JSON.stringify(body).includes(key));
  });

  it('what cannot be is refused in words, and nothing is made', async () => {
    for (const [body, problem] of [
      [{ name: 'x', allowedOrigins: ['https://shop.example/'] }, /an origin as browsers send it/],
      [{ name: 'x', allowedOrigins: ['https://shop.example:443'] }, /an origin as browsers send it/],
      [{ name: 'x', allowedOrigins: ['*'] }, /an origin as browsers send it/],
      [{ name: 'x', eventTypes: ['a*b'] }, /an event type, or its beginning/],
      [{ name: 'x', eventTypes: [] }, /fewer than 1 items/],
      [{ name: 'Not good' }, /name/],
    ] as const) {
      const answer = await ask('POST', PATH, { body });
      assert.deepEqual([answer.status, answer.body.code], [400, 'BODY_MALFORMED'], JSON.stringify(body));
      assert.match(answer.body.detail ?? '', problem);
    }
    for (const [method, path] of [
      ['DELETE', '/constructor'],
      ['DELETE', '/No'],
      ['DELETE', '/web/keys/99'],
      ['DELETE', '/web/keys/1e1'],
      ['POST', '/none/keys'],
    ] as const)
      assert.equal((await change(method, path)).code, 'NOT_FOUND', path);
    const { body } = await ask<Source>('GET', PATH);
    assert.deepEqual(
      body.sources.map(({ name }) => name),
      ['web'],
    );
  });

  it("another operator, and a tenant's own token, get nowhere near them", async () => {
    const calls: [string, string, object?][] = [
      ['GET', ''],
      ['POST', '', { name: 'theirs' }],
      ['PUT', '/web', {}],
      ['DELETE', '/web'],
      ['POST', '/web/keys', {}],
      ['POST', '/web/keys/rotate', {}],
      ['DELETE', '/web/keys/2'],
    ];
    for (const [method, path, body] of calls) {
      const at = `${PATH}${path}`;
      const elsewhere = await ask(method, at, { body, as: { tenants: ['other'] } });
      assert.deepEqual([elsewhere.status, elsewhere.body.code], [403, 'TENANT_OUT_OF_REACH'], at);
      const own = await ask(method, at, { body, as: { tenant: 'acme', scope: 'admin tenants:write' } });
      assert.deepEqual([own.status, own.body.code], [403, 'OPERATOR_ONLY'], at);
      const reader = await ask(method, at, { body, as: { scope: 'tenants:read' } });
      assert.equal(reader.body.code, method === 'GET' ? undefined : 'SCOPE_MISSING', at);
    }
    const theirs = await ask('DELETE', '/v1/tenants/other/sources/web');
    assert.equal(theirs.body.code, 'NOT_FOUND', 'names are per tenant');
    assert.ok(known.find(seen.at(-1)!), 'nothing was changed');
  });

  it('the command makes one, prints its key once and alone, and says what to do with it', async () => {
    const made = await command('create', 'app', '--origin', 'https://a.example', '--reason', 'by hand');
    assert.match(made.stdout, KEY_LINE, made.stderr);
    seen.push(made.stdout.trim());
    assert.match(made.stderr, new RegExp(`dataPlaneUrl: '${url}'`));
    const rotated = await command('rotate', 'app', '--overlap', '1h', '--json');
    const { key = '', keys } = JSON.parse(rotated.stdout) as Source;
    seen.push(key);
    assert.equal(keys.length, 2);
    const list = await runHeadgate(['sources', 'list', '--tenant', 'other', '--url', url], env);
    assert.match(list.stdout, new RegExp(`app +│ https://a.example │ any +│ 2 +│ ${key.slice(-4)}`));
    const changed = await command('change', 'app', '--event-type', 'track.*');
    assert.equal(changed.code, 0, changed.stderr);
    assert.equal((await command('revoke', 'app', '--id', '1')).code, 0);
    await until(() => assert.deepEqual(known.find(key)?.eventTypes, ['track.*']), WITHIN_MS);
    const again = await command('create', 'app');
    assert.notEqual(again.code, 0);
    assert.match(again.stderr, /There is a source app already/);
    assert.equal((await command('delete', 'app', '--reason', 'no more')).code, 0);
    await until(() => assert.equal(known.find(key), undefined), WITHIN_MS);
    const history = await runHeadgate(['tenant', 'history', 'other', '--url', url], env);
    assert.match(history.stdout, /source-deleted[^]*source-key-revoked[^]*source-created/, history.stderr);
    const log = await runHeadgate(['audit-log', 'show', '--tenant', 'other', '--json'], env);
    for (const act of [
      'createSource',
      'rotateSourceKeys',
      'replaceSource',
      'revokeSourceKey',
      'deleteSource',
    ])
      assert.ok(log.stdout.includes(`"${act}"`), `${act}: ${log.stderr}`);
  });

  it('no key is anywhere on disk or in the log', async () => {
    await killAll();
    await until(() => assert.notEqual(said, ''), WITHIN_MS);
    assert.equal(seen.length, 4);
    for (const path of readdirSync(dir, { recursive: true, encoding: 'utf8' })) {
      const full = join(dir, path);
      if (!statSync(full).isFile()) continue;
      const text = readFileSync(full, 'latin1');
      for (const key of seen) assert.ok(!text.includes(key), `${path} has a key`);
    }
    for (const key of seen) assert.ok(!said.includes(key), 'the log has a key');
    const kept = readFileSync(join(dir, 'sources', 'acme.json'), 'utf8');
    assert.ok(kept.includes(hashOf(seen[1]!)));
  });
});
