import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../bench/system/free-port.js';
import type { IngestAnswer } from '../../src/api/schemas/events.js';
import type { KeptCheck } from '../../src/schema-trials/check-kept.js';
import { killAll, nodeEnvironment, runHeadgate, spawnHeadgate } from '../support/headgate.js';
import { until } from '../support/until.js';

const KEPT_WITHIN_MS = 20_000;
const AMOUNT = { required: ['amount'], properties: { amount: { type: 'number' } } };

describe('headgate schema check, on a node that runs', function () {
  this.timeout(60_000);
  let dir: string;
  let env: Record<string, string>;
  let url: string;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-schema-'));
    const port = await freePort();
    env = { ...(await nodeEnvironment(dir)), HEADGATE_PORT: String(port) };
    url = `http://127.0.0.1:${port}`;
    await mkdir(join(dir, 'from'));
    for (const tenant of ['UA', 'DL']) await tenantFile('from', tenant, 'enforce', AMOUNT);
    await spawnHeadgate(['start', '--tenants', join(dir, 'from')], env).ready();
    const events = [5, 7, 'free'].map((amount, n) => event(`e${n}\u202e`, 'booking.made', { amount }));
    const answer = await post('UA', 'events', [...events, event('o', 'booking.lost', {})]);
    // The node enforces what its file says, on both streams.
    assert.deepEqual([answer.accepted, answer.rejected], [3, 1]);
    assert.equal(answer.results[2]?.pointer, '/amount');
    await post('UA', 'user-properties', [event('p', 'booking.made', { amount: 9 })]);
    await post('DL', 'events', [event('d', 'booking.made', { amount: 1000 })]);
    await until(async () => assert.equal((await found('--json')).events, 4), KEPT_WITHIN_MS);
  });
  after(async () => {
    await killAll();
    await rm(dir, { recursive: true, force: true });
  });

  async function tenantFile(folder: string, tenant: string, mode: string, schema: object): Promise<string> {
    const path = join(dir, folder, `${tenant}.yaml`);
    await writeFile(path, JSON.stringify({ tenant, schemas: [{ type: 'booking.made', mode, schema }] }));
    return path;
  }

  function event(id: string, type: string, data: object): object {
    return { specversion: '1.0', id, source: '/test', type, subject: 's', data };
  }

  async function post(tenant: string, stream: string, events: object[]): Promise<IngestAnswer> {
    const token = await runHeadgate(['token', '--tenant', tenant, '--scope', 'admin'], env);
    const response = await fetch(`${url}/v1/${stream}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token.stdout.trim()}`, 'content-type': 'application/json' },
      body: JSON.stringify(events),
    });
    assert.equal(response.status, 202);
    return (await response.json()) as IngestAnswer;
  }

  const check = (...args: string[]) => runHeadgate(['schema', 'check', ...args], env);

  async function found(...args: string[]): Promise<KeptCheck> {
    const { stdout, stderr } = await check(join(dir, 'from', 'UA.yaml'), ...args);
    assert.equal(stderr, '');
    return JSON.parse(stdout) as KeptCheck;
  }

  it('says that all that is kept fits what was enforced, and exits with 0', async () => {
    const { code, stdout } = await check(join(dir, 'from', 'UA.yaml'));
    assert.equal(code, 0);
    assert.match(stdout, /^UA: 4 events received from /);
    assert.match(stdout, /│ booking\.made │ any other +│ enforce │ +3 │ +0 │/);
    assert.match(stdout, /1 have no schema\./);
  });

  it('names what would not fit a changed schema, whatever its mode, and exits with 1', async () => {
    const changed = { properties: { amount: { maximum: 6 } } };
    const file = await tenantFile('.', 'UA', 'off', changed);
    const { code, stdout } = await check(file, '--show', '1');
    assert.equal(code, 1);
    assert.match(stdout, /│ booking\.made │ any other +│ off +│ +1 │ +2 │/);
    const named = stdout.split('\n').filter((line) => line.startsWith('booking.made: '));
    assert.equal(named.length, 1);
    assert.match(named[0]!, /"e1\\u202e" of events, batch \d{8}-\S+: "data\/amount" must be <= 6$/);
    const { schemas } = JSON.parse((await check(file, '--json')).stdout) as KeptCheck;
    assert.deepEqual(
      schemas[0]?.problems.map(({ id, stream }) => [id, stream]),
      [
        ['e1\u202e', 'events'],
        ['p', 'user-properties'],
      ],
    );
  });

  it('looks at the range that it is given', async () => {
    const day = new Date().toISOString().slice(0, 10);
    assert.equal((await found('--json', '--to', day)).events, 0);
    const soon = new Date(Date.now() + 60_000).toISOString();
    assert.equal((await found('--json', '--from', day, '--to', soon)).events, 4);
  });

  it('counts batch files that cannot be read, and goes on', async () => {
    const day = new Date().toISOString().slice(0, 10);
    const path = join(
      dir,
      'batches',
      'UA',
      'events',
      day,
      `${day.replaceAll('-', '')}-0123abcd-000000001.ndjson.gz`,
    );
    await writeFile(path, 'this is not a gzip file');
    const { events, unreadable } = await found('--json');
    await rm(path);
    assert.deepEqual([events, unreadable], [4, 1]);
  });

  it('refuses a file that is wrong or has no schemas, and a range that is none', async () => {
    const bare = join(dir, 'bare.yaml');
    await writeFile(bare, 'tenant: UA');
    const wrong = await tenantFile('.', 'wrong', 'warn', { type: 'objekt' });
    const good = join(dir, 'from', 'UA.yaml');
    const refusals: [string[], RegExp][] = [
      [[bare], /has no schemas to check events against\. \[TENANT_CONFIG_INVALID\]/],
      [[wrong], /wrong\.yaml:1:\d+: schemas\.0\.schema\.type: must be equal to one of the allowed values/],
      [[good, '--from', '2026-03-02', '--to', '2026-03-01'], /--from must be before --to/],
      [[good, '--from', 'yesterday'], /A moment is a day/],
      [[join(dir, 'none.yaml')], /there is no such file/],
    ];
    for (const [args, message] of refusals) {
      const { code, stderr } = await check(...args);
      assert.equal(code, 1);
      assert.match(stderr, message);
    }
  });
});
