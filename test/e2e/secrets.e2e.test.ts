import assert from 'node:assert/strict';
import { createHmac, createPublicKey, randomBytes, verify } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signToken } from '../../src/keys/key-set.js';
import {
  killAll,
  nodeEnvironment,
  runHeadgate,
  spawnHeadgate,
  type HeadgateProcess,
} from '../support/headgate.js';
import { operatorApi } from '../support/operator-api.js';
import { until } from '../support/until.js';
import { startReceiver, type ReceivedRequest, type WebhookReceiver } from '../support/webhook-receiver.js';

interface Secret {
  readonly name: string;
  readonly values: readonly {
    readonly id: number;
    readonly validUntil?: string;
    readonly publicKey?: string;
  }[];
  readonly usedBy: readonly string[];
  readonly value?: string;
}

const WITHIN_MS = 30_000;
const ANY = { 'if-match': '*' };
const API_KEY = 'Bearer the-key-of-the-crm-that-nobody-may-see';

describe('secrets of tenants, made through a node', function () {
  this.timeout(180_000);
  let dir: string;
  let env: Record<string, string>;
  let node: HeadgateProcess;
  let url: string;
  let ask: ReturnType<typeof operatorApi>;
  let receiver: WebhookReceiver;
  let sent = 0;
  const seen = new Set<string>([API_KEY]);

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-secrets-'));
    receiver = await startReceiver();
    env = {
      ...(await nodeEnvironment(dir)),
      HEADGATE_BATCH_KEY: randomBytes(32).toString('base64'),
      HEADGATE_PUSH_ALLOW: '127.0.0.0/8',
      HEADGATE_LOG_LEVEL: 'trace',
    };
    await start();
    const webhook = {
      name: 'crm',
      kind: 'push',
      url: receiver.url,
      secret: 'secret:crm',
      headers: { authorization: 'secret:crm-api' },
    };
    const config = { tenant: 'acme', subscriptions: [webhook], routes: [{ match: {}, to: ['crm'] }] };
    const { body } = await ask<{ missingSecrets: string[] }>('PUT', '/v1/tenants/acme', { body: { config } });
    assert.deepEqual(body.missingSecrets, ['crm', 'crm-api']);
  });
  after(async () => {
    await killAll();
    await receiver.stop();
    await rm(dir, { recursive: true, force: true });
  });

  async function start(): Promise<void> {
    node = spawnHeadgate(['start'], env);
    ({ url } = await node.ready());
    ask = operatorApi(url, dir);
  }

  async function secrets(method: string, path: string, body?: object): Promise<Secret & { code?: string }> {
    const answer = await ask<Secret>(method, `/v1/tenants/acme/secrets${path}`, { body });
    if (answer.body.value !== undefined) seen.add(answer.body.value);
    return answer.body;
  }

  /** The webhook of a new event. */
  async function delivered(): Promise<ReceivedRequest> {
    const id = `e-${++sent}`;
    const claims = { issuer: 'headgate', audience: 'headgate', expiresInSeconds: 600 };
    const scope = 'events:write subscriptions:write';
    const token = await signToken(dir, { tenant: 'acme', scope, ...claims });
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const event = { specversion: '1.0', id, source: '/shop', type: 'order.paid', data: {} };
    const post = (path: string, body?: string) => fetch(`${url}${path}`, { method: 'POST', headers, body });
    assert.equal((await post('/v1/events', JSON.stringify(event))).status, 202);
    await post('/v1/subscriptions/crm/resume');
    return until(() => {
      const found = receiver.requests.find(({ body }) => body.includes(`"${id}"`));
      assert.ok(found, `${id} is not delivered`);
      return found;
    }, WITHIN_MS);
  }

  function signaturesOf({ headers, body }: ReceivedRequest): { content: string; signatures: string[] } {
    const content = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
    return { content, signatures: String(headers['webhook-signature']).split(' ') };
  }

  function isSignedBy(request: ReceivedRequest, secret: string): boolean {
    const { content, signatures } = signaturesOf(request);
    const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
    return signatures.includes(`v1,${createHmac('sha256', key).update(content).digest('base64')}`);
  }

  it('what is made signs webhooks at once, and its value is shown once', async () => {
    const made = await secrets('POST', '', { name: 'crm', reason: 'verified now' });
    assert.match(made.value ?? '', /^whsec_/);
    assert.deepEqual(made.usedBy, ['crm']);
    const given = await secrets('POST', '', { name: 'crm-api', kind: 'text', value: API_KEY });
    assert.equal(given.value, undefined, 'what was given is not shown');
    const request = await delivered();
    assert.ok(isSignedBy(request, made.value!));
    assert.equal(request.headers.authorization, API_KEY);
    const { body } = await ask<{ secrets: Secret[] }>('GET', '/v1/tenants/acme/secrets');
    assert.deepEqual(
      body.secrets.map(({ name, values, usedBy }) => [name, values.length, usedBy]),
      [
        ['crm', 1, ['crm']],
        ['crm-api', 1, ['crm']],
      ],
    );
    assert.ok(!JSON.stringify(body).includes(made.value!));
    assert.equal((await secrets('POST', '', { name: 'crm' })).code, 'STATE_CONFLICT');
  });

  it('one that is rotated signs with both until the overlap is over, also after a restart', async () => {
    const old = [...seen].find((value) => value.startsWith('whsec_'))!;
    const rotated = await secrets('POST', '/crm/rotate', { overlapSeconds: 3_600, reason: 'yearly' });
    assert.equal(rotated.values.length, 2);
    assert.ok(rotated.values[1]!.validUntil, 'the old one has an end');
    const both = await delivered();
    assert.ok(isSignedBy(both, rotated.value!) && isSignedBy(both, old));
    await node.end();
    await start();
    const after = await delivered();
    assert.ok(isSignedBy(after, rotated.value!) && isSignedBy(after, old));

    const revoked = await secrets('DELETE', `/crm?id=${rotated.values[1]!.id}&reason=no+more`);
    assert.equal(revoked.values.length, 1);
    const single = await delivered();
    assert.ok(isSignedBy(single, rotated.value!) && !isSignedBy(single, old));
    const none = await secrets('POST', '/crm/rotate', { overlapSeconds: 0 });
    assert.equal(none.values.length, 1, 'without an overlap the old one ends at once');
    const last = await delivered();
    assert.ok(isSignedBy(last, none.value!) && !isSignedBy(last, rotated.value!));
  });

  it('ed25519: the public key that is shown verifies', async () => {
    assert.equal((await secrets('DELETE', '/crm')).values.length, 0);
    const made = await secrets('POST', '', { name: 'crm', kind: 'ed25519' });
    const { publicKey = '' } = made.values[0]!;
    const x = Buffer.from(publicKey.slice('whpk_'.length), 'base64').toString('base64url');
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    const { content, signatures } = signaturesOf(await delivered());
    const [, signature = ''] = /^v1a,(.*)$/.exec(signatures[0] ?? '') ?? [];
    assert.ok(verify(null, Buffer.from(content), key, Buffer.from(signature, 'base64')));
  });

  it('while one is revoked what is to be delivered with it waits, and is not lost', async () => {
    await secrets('DELETE', '/crm?reason=it+leaked');
    const before = receiver.requests.length;
    const waiting = delivered();
    await node.logged(/SECRET_MISSING/);
    assert.equal(receiver.requests.length, before);
    const made = await secrets('POST', '', { name: 'crm' });
    const token = await signToken(dir, {
      tenant: 'acme',
      scope: 'subscriptions:write',
      issuer: 'headgate',
      audience: 'headgate',
      expiresInSeconds: 60,
    });
    const headers = { authorization: `Bearer ${token}` };
    await fetch(`${url}/v1/subscriptions/crm/resume`, { method: 'POST', headers });
    assert.ok(isSignedBy(await waiting, made.value!));
  });

  it('values that cannot be what they are for are refused, without being repeated', async () => {
    for (const [body, problem] of [
      [{ name: 'x', kind: 'text' }, /is missing/],
      [{ name: 'x', kind: 'text', value: 'a\nb' }, /cannot be the value of a header/],
      [{ name: 'x', kind: 'text', value: `whsec_${'A'.repeat(40)}` }, /signs webhooks/],
      [{ name: 'x', value: 'whsec_AAAA' }, /has 3 bytes/],
      [{ name: 'x', kind: 'ed25519', value: `whsec_${'A'.repeat(40)}` }, /does not begin with whsk_/],
    ] as const) {
      const answer = await ask('POST', '/v1/tenants/acme/secrets', { body });
      assert.deepEqual([answer.status, answer.body.code], [422, 'SECRET_INVALID'], JSON.stringify(body));
      assert.match(answer.body.detail ?? '', problem);
      if ('value' in body) assert.ok(!answer.body.detail?.includes(body.value));
    }
    assert.equal((await ask('POST', '/v1/tenants/acme/secrets', { body: { name: 'Not good' } })).status, 400);
    assert.equal((await secrets('POST', '/nothing/rotate')).code, 'NOT_FOUND');
    assert.equal((await secrets('DELETE', '/constructor')).code, 'NOT_FOUND');
    assert.equal((await secrets('DELETE', '/crm?id=999')).code, 'NOT_FOUND');
  });

  it("another operator, and a tenant's own token, get nowhere near them", async () => {
    const calls: [string, string, object?][] = [
      ['GET', ''],
      ['POST', '', { name: 'theirs' }],
      ['POST', '/crm/rotate', {}],
      ['DELETE', '/crm'],
    ];
    for (const [method, path, body] of calls) {
      const at = `/v1/tenants/acme/secrets${path}`;
      const elsewhere = await ask(method, at, { body, as: { tenants: ['other'] } });
      assert.deepEqual([elsewhere.status, elsewhere.body.code], [403, 'TENANT_OUT_OF_REACH'], at);
      const own = await ask(method, at, { body, as: { tenant: 'acme', scope: 'admin tenants:write' } });
      assert.deepEqual([own.status, own.body.code], [403, 'OPERATOR_ONLY'], at);
    }
    await ask('PUT', '/v1/tenants/other', { body: { config: { tenant: 'other' } } });
    const theirs = await ask('DELETE', '/v1/tenants/other/secrets/crm', { headers: ANY });
    assert.deepEqual([theirs.status, theirs.body.code], [404, 'NOT_FOUND'], 'names are per tenant');
  });

  it('the command makes one, prints it once, and takes a value from a pipe or a file alone', async () => {
    const target = ['--tenant', 'other', '--url', url];
    const made = await runHeadgate(['secret', 'make', 'hook', ...target, '--reason', 'by hand'], env);
    assert.equal(made.code, 0, made.stderr);
    assert.match(made.stdout, /^whsec_\S+\n$/);
    seen.add(made.stdout.trim());
    const rotated = await runHeadgate(['secrets', 'rotate', 'hook', ...target, '--overlap', '1h'], env);
    assert.match(rotated.stdout, /^whsec_\S+\n$/, rotated.stderr);
    seen.add(rotated.stdout.trim());
    const list = await runHeadgate(['secret', 'list', ...target], env);
    assert.match(list.stdout, /hook +│ hmac/);
    const revoked = await runHeadgate(['secret', 'revoke', 'hook', ...target], env);
    assert.equal(revoked.code, 0, revoked.stderr);
    const history = await runHeadgate(['tenant', 'history', 'other', '--url', url], env);
    assert.match(history.stdout, /secret-revoked[^]*secret-rotated[^]*secret-made/, history.stderr);
  });

  it('no value is anywhere on disk or in the log, and files are for their owner alone', () => {
    assert.ok(seen.size >= 7);
    const bodies = [...seen].map((value) => value.replace(/^(whsec|whsk)_/, ''));
    for (const path of readdirSync(dir, { recursive: true, encoding: 'utf8' })) {
      const full = join(dir, path);
      if (!statSync(full).isFile()) continue;
      const text = readFileSync(full, 'latin1');
      for (const body of bodies) assert.ok(!text.includes(body), `${path} has a secret`);
    }
    for (const body of bodies) assert.ok(!(node.stdout + node.stderr).includes(body), 'the log has a secret');
    assert.equal(statSync(join(dir, 'secrets', 'acme', 'secrets.json')).mode & 0o777, 0o600);
  });

  it('another master key takes over by a rewrap', async () => {
    const { body: made } = await ask<Secret>('POST', '/v1/tenants/other/secrets', { body: { name: 'kept' } });
    await node.end();
    const previous = env.HEADGATE_BATCH_KEY!;
    const next = { ...env, HEADGATE_BATCH_KEY: randomBytes(32).toString('base64') };
    const both = { ...next, HEADGATE_BATCH_KEY_PREVIOUS: previous };
    const rewrapped = await runHeadgate(['batch-key', 'rewrap'], both);
    assert.match(rewrapped.stdout, /secrets of 2\./, rewrapped.stderr);
    env = next;
    await start();
    const rotated = await ask<Secret>('POST', '/v1/tenants/other/secrets/kept/rotate', { body: {} });
    assert.deepEqual([rotated.status, rotated.body.values.length], [200, 2], made.name);
  });
});

describe('secrets without a master key', function () {
  this.timeout(60_000);
  let dir: string;

  before(async () => void (dir = await mkdtemp(join(tmpdir(), 'headgate-no-master-'))));
  after(async () => {
    await killAll();
    await rm(dir, { recursive: true, force: true });
  });

  it('are refused, with what to do', async () => {
    const { url } = await spawnHeadgate(['start'], await nodeEnvironment(dir)).ready();
    const ask = operatorApi(url, dir);
    await ask('PUT', '/v1/tenants/acme', { body: { config: { tenant: 'acme' } } });
    const { status, body } = await ask('POST', '/v1/tenants/acme/secrets', { body: { name: 'crm' } });
    assert.deepEqual([status, body.code], [503, 'BATCH_KEY_MISSING']);
    assert.match(body.detail ?? '', /set HEADGATE_BATCH_KEY/);
    const list = await ask<{ secrets: object[] }>('GET', '/v1/tenants/acme/secrets');
    assert.deepEqual(list.body.secrets, []);
  });
});
