import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeJwt } from 'jose';
import { makeDevelopmentKeys, signToken } from '../../src/keys/key-set.js';
import { killAll, nodeEnvironment, spawnHeadgate } from '../support/headgate.js';
import { until } from '../support/until.js';

interface Answer {
  readonly status: number;
  readonly code?: string;
  readonly messages?: readonly { readonly attempt: number; readonly event: { readonly id: string } }[];
}

const WITHIN_MS = 20_000;
/** What a poll waits: longer than any revocation may take. */
const WAIT_MS = 30_000;
const TENANTS = ['byId', 'bySubject', 'byTime', 'byKey', 'byExpiry', 'other'];

/** Runs what is in dist. A tenant for each way in which a token comes to its end, and one that is none of them. */
describe('open polls of a running Headgate', function () {
  this.timeout(120_000);
  let dir: string;
  let url: string;
  const pathOf = (name: string): string => join(dir, name);
  const issuer = (name: string): string => pathOf(`issuer-${name}`);

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-revoked-'));
    await mkdir(pathOf('data/tenants'), { recursive: true });
    for (const tenant of TENANTS) {
      const subscriptions = [{ name: 'crm', kind: 'pull' }];
      const config = { tenant, subscriptions, routes: [{ match: { type: '*' }, to: ['crm'] }] };
      await writeFile(pathOf(`data/tenants/${tenant}.yaml`), JSON.stringify(config));
    }
    for (const name of ['stays', 'goes']) await makeDevelopmentKeys(issuer(name));
    await trust('stays', 'goes');
    await writeFile(pathOf('revoked.json'), '{}');
    const node = spawnHeadgate(['start'], {
      ...(await nodeEnvironment(pathOf('data'))),
      HEADGATE_JWKS: pathOf('jwks.json'),
      HEADGATE_REVOCATIONS: pathOf('revoked.json'),
    });
    ({ url } = await node.ready());
  });
  after(async () => {
    await killAll();
    await rm(dir, { recursive: true, force: true });
  });

  async function trust(...issuers: string[]): Promise<void> {
    const sets = issuers.map((name) => readFile(join(issuer(name), 'keys/development.jwks.json'), 'utf8'));
    const keys = (await Promise.all(sets)).flatMap((set) => (JSON.parse(set) as { keys: object[] }).keys);
    await writeFile(pathOf('jwks.json'), JSON.stringify({ keys }));
  }

  function token(tenant: string, { key = 'stays', subject = 'bob', expiresInSeconds = 600 } = {}) {
    const claims = { issuer: 'headgate', audience: 'headgate', expiresInSeconds };
    return signToken(issuer(key), { tenant, subject, scope: 'events:write subscriptions:pull', ...claims });
  }

  async function post(path: string, bearer: string, body: object): Promise<Answer> {
    const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' };
    const response = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    return { ...((await response.json()) as Answer), status: response.status };
  }

  const pull = (bearer: string, waitMs: number): Promise<Answer> =>
    post('/v1/subscriptions/crm/pull', bearer, { waitMs });

  async function send(tenant: string, bearer: string): Promise<void> {
    const event = { specversion: '1.0', id: `${tenant}-late`, source: '/test', type: 'made', subject: 's' };
    const { status } = await post('/v1/events', bearer, event);
    assert.equal(status, 202);
  }

  it('hand out nothing that comes after their token is revoked, withdrawn or expired; others go on', async () => {
    const tokens: Record<string, string> = {
      byId: await token('byId'),
      bySubject: await token('bySubject', { subject: 'alice' }),
      byTime: await token('byTime'),
      byKey: await token('byKey', { key: 'goes' }),
      // With the leeway for clocks, some seconds.
      byExpiry: await token('byExpiry', { expiresInSeconds: 1 }),
      other: await token('other'),
    };
    const polls = Object.fromEntries(TENANTS.map((tenant) => [tenant, pull(tokens[tenant]!, WAIT_MS)]));
    await sleep(1_000);
    // Before the tokens below: the last of these takes longer to expire.
    const notBefore = new Date(Date.now() + 2_000).toISOString();
    const revoked = { jti: [decodeJwt(tokens.byId!).jti], subjects: { bySubject: ['alice'] } };
    await writeFile(pathOf('revoked.json'), JSON.stringify({ ...revoked, notBefore: { byTime: notBefore } }));
    await trust('stays');
    // As long as new requests may take to be refused.
    for (const tenant of TENANTS.filter((each) => each !== 'other'))
      await until(async () => assert.equal((await pull(tokens[tenant]!, 0)).status, 401), WITHIN_MS);
    for (const tenant of TENANTS) await send(tenant, await token(tenant));

    const answers = await Promise.all(
      TENANTS.map(async (tenant) => {
        const { status, code, messages = [] } = (await polls[tenant])!;
        return [tenant, status, code, messages.map(({ event }) => event.id)];
      }),
    );
    assert.deepEqual(answers, [
      ['byId', 401, 'TOKEN_REVOKED', []],
      ['bySubject', 401, 'TOKEN_REVOKED', []],
      ['byTime', 401, 'TOKEN_REVOKED', []],
      ['byKey', 401, 'TOKEN_INVALID', []],
      ['byExpiry', 200, undefined, []],
      ['other', 200, undefined, ['other-late']],
    ]);
    for (const tenant of TENANTS.filter((each) => each !== 'other')) {
      const { messages = [] } = await pull(await token(tenant), WAIT_MS);
      assert.deepEqual(
        messages.map(({ event, attempt }) => [event.id, attempt]),
        [[`${tenant}-late`, 1]],
      );
    }
  });
});
