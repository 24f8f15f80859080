import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Router from '@koa/router';
import Koa from 'koa';
import { createLocalJWKSet, exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose';
import { createAuthenticator } from '../../src/api/authenticate.js';
import { createGuard } from '../../src/api/guard.js';
import { mount } from '../../src/api/mount.js';
import { openApiDocument } from '../../src/api/openapi/document.js';
import { problems } from '../../src/api/problem.js';
import { RefusedTokens } from '../../src/api/refused-tokens.js';
import { ANSWERED, route, type CallCaller } from '../../src/api/route.js';
import type { Audience } from '../../src/api/tenant-of-request.js';
import { Admission } from '../../src/ingest/admission/admission.js';
import { createLogger } from '../../src/platform/logger.js';
import { ISSUED } from '../support/api.js';

const TENANTS = ['UA', 'DL', 'AA'];

/** A route that tells what its handler is given. */
function telling(audience: Audience) {
  const shape = {
    id: audience,
    audience,
    method: 'GET',
    path: `/${audience}`,
    tag: 'Operation',
    scope: 'batches:read',
    summary: 'Tell',
    description: 'Tells what it is given.',
    answer: { status: 200, description: 'What it is given.', mediaType: 'text/plain' },
    examples: [],
  } as const;
  return route(shape, (_services: object, call) => {
    const { role, reach }: CallCaller = call.caller;
    const tenant: string | undefined = call.tenant;
    const seen = TENANTS.filter((each) => reach.includes(each)).join(' ');
    call.ctx.body = { ...(tenant !== undefined && { tenant }), role, seen };
    return Promise.resolve(ANSWERED);
  });
}

const ROUTES = [telling('tenant'), telling('operator'), telling('either')];

describe('an operator', () => {
  let server: Server;
  let url: string;
  let privateKey: CryptoKey;
  let suspended: string | undefined;
  let subjects = 0;
  const refused: [tenant: string, code: string][] = [];

  before(async () => {
    const pair = await generateKeyPair('EdDSA', { extractable: true });
    privateKey = pair.privateKey;
    const log = createLogger('silent');
    const guard = createGuard({
      authenticate: createAuthenticator({
        keys: createLocalJWKSet({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'k' }] }),
        ...ISSUED,
        tenantStatusOf: (tenant) =>
          tenant === suspended ? 'suspended' : TENANTS.includes(tenant) ? 'active' : 'unknown',
      }),
      admission: new Admission({
        limitsOf: (tenant) => ({
          eventsPerSecond: 10,
          bytesPerSecond: 10,
          requestsPerSecond: tenant === 'UA' ? 1_000 : 2,
        }),
        operatorLimits: { eventsPerSecond: 10, bytesPerSecond: 10, requestsPerSecond: 10 },
        now: () => 0,
        backlogOf: () => ({ bytes: 0 }),
        spoolBytes: () => 0,
        maxSpoolBytes: 1e9,
        freeDiskBytes: () => 1e9,
        minFreeDiskBytes: 0,
      }),
      refusedTokens: new RefusedTokens({ log, refusedTokensPerMinute: 1e9 }),
      metrics: {
        requestAnswered: () => undefined,
        refused: (tenant, code) => void refused.push([tenant, code]),
      },
    });
    const router = new Router();
    mount(router, ROUTES, {}, guard);
    const answer = new Koa().use(problems(log)).use(router.routes()).callback();
    server = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => void server.close());
  beforeEach(() => {
    suspended = undefined;
    refused.length = 0;
  });

  /** A token of a subject that has asked for nothing yet. */
  function sign(claims: object): Promise<string> {
    const exp = Math.floor(Date.now() / 1000) + 600;
    const all = { iss: ISSUED.issuer, aud: ISSUED.audience, exp, scope: 'admin', sub: `s${subjects++}` };
    return new SignJWT({ ...all, ...claims }).setProtectedHeader({ alg: 'EdDSA', kid: 'k' }).sign(privateKey);
  }

  type Told = Record<string, unknown>;

  async function ask(path: Audience, token: string, tenant?: string): Promise<[number, Told]> {
    const headers: Record<string, string> = { authorization: `Bearer ${token}` };
    if (tenant !== undefined) headers['headgate-tenant'] = tenant;
    const response = await fetch(`${url}/${path}`, { headers });
    return [response.status, (await response.json()) as Told];
  }

  async function codeOf(path: Audience, token: string, tenant?: string): Promise<[number, unknown]> {
    const [status, { code }] = await ask(path, token, tenant);
    return [status, code];
  }

  it('sees on a route for either all that its token reaches, or the one that it names', async () => {
    const some = await sign({ role: 'operator', tenants: ['UA', 'DL'] });
    const all = await sign({ role: 'operator' });
    assert.deepEqual(await ask('either', some), [200, { role: 'operator', seen: 'UA DL' }]);
    assert.deepEqual(await ask('either', all), [200, { role: 'operator', seen: 'UA DL AA' }]);
    assert.deepEqual(await ask('either', all, 'AA'), [200, { tenant: 'AA', role: 'operator', seen: 'AA' }]);
    assert.deepEqual(await codeOf('either', some, 'AA'), [403, 'TENANT_OUT_OF_REACH']);
    const own = await sign({ tenant: 'UA' });
    assert.deepEqual(await ask('either', own), [200, { tenant: 'UA', role: 'tenant', seen: 'UA' }]);
    assert.deepEqual(await codeOf('either', own, 'DL'), [403, 'TENANT_OUT_OF_REACH']);
  });

  it('alone may use a route for operators', async () => {
    const some = await sign({ role: 'operator', tenants: ['UA', 'DL'] });
    assert.deepEqual(await ask('operator', some), [200, { role: 'operator', seen: 'UA DL' }]);
    assert.deepEqual(await codeOf('operator', some, 'AA'), [403, 'TENANT_OUT_OF_REACH']);
    const own = await sign({ tenant: 'UA' });
    for (const header of [undefined, 'DL', 'UA'])
      assert.deepEqual(await codeOf('operator', own, header), [403, 'OPERATOR_ONLY']);
    const none = await sign({ role: 'operator', scope: '' });
    assert.deepEqual(await codeOf('operator', none), [403, 'SCOPE_MISSING']);
  });

  it('looks at a tenant that floods, within bounds of its own', async () => {
    const flooding = await sign({ tenant: 'AA' });
    const codes = await Promise.all(Array.from({ length: 8 }, () => codeOf('tenant', flooding)));
    assert.equal(codes.filter(([status]) => status === 429).length, 4);
    const operator = await sign({ role: 'operator' });
    refused.length = 0;
    const looks = await Promise.all(Array.from({ length: 22 }, () => ask('tenant', operator, 'AA')));
    assert.equal(looks.filter(([status]) => status === 200).length, 20);
    const over = looks.filter(([status]) => status === 429).map(([, { detail }]) => detail);
    assert.deepEqual(new Set(over), new Set(['This operator is over its 10 requests/s.']));
    assert.deepEqual(refused[0], ['(operators)', 'TENANT_RATE_LIMITED'], 'one label for all operators');
    const other = await sign({ role: 'operator' });
    assert.equal((await ask('tenant', other, 'AA'))[0], 200, 'each has bounds of its own');
  });

  it('costs the tenant that it looks at nothing', async () => {
    const operator = await sign({ role: 'operator' });
    for (let n = 0; n < 10; n++) assert.equal((await ask('tenant', operator, 'DL'))[0], 200);
    const own = await sign({ tenant: 'DL' });
    for (let n = 0; n < 4; n++) assert.equal((await ask('tenant', own))[0], 200);
    assert.equal((await ask('tenant', own))[0], 429);
  });

  it('is refused for a tenant that is suspended, also one that it has looked at before', async () => {
    const operator = await sign({ role: 'operator' });
    assert.equal((await ask('tenant', operator, 'UA'))[0], 200);
    suspended = 'UA';
    assert.deepEqual(await codeOf('tenant', operator, 'UA'), [403, 'TENANT_SUSPENDED']);
    assert.equal((await ask('tenant', operator, 'DL'))[0], 200);
    assert.deepEqual(await codeOf('tenant', operator, 'ZZ'), [403, 'TENANT_UNKNOWN']);
  });

  for (const claims of [
    { role: 'operator', tenant: 'UA' },
    { role: 'operator', tenant: null },
    { role: 'operator', tenants: [] },
    { role: 'operator', tenants: null },
    { role: 'operator', tenants: 'UA' },
    { role: 'operator', tenants: { 0: 'UA', length: 1 } },
    { role: 'operator', tenants: ['UA', 7] },
    { role: 'operator', tenants: ['UA', '../DL'] },
    { role: 'operator', tenants: [['UA']] },
    { role: 'operator', tenants: ['*'] },
    { role: ['operator'] },
    { role: 'Operator' },
    { role: 'admin', tenants: ['UA'] },
    { tenants: ['UA'] },
    {},
  ]) {
    it(`has no token with ${JSON.stringify(claims)}`, async () => {
      assert.deepEqual(await codeOf('either', await sign(claims)), [401, 'TOKEN_INVALID']);
    });
  }

  it('may have a thousand tenants, and no more', async () => {
    const ids = Array.from({ length: 1_001 }, (_, n) => `t${n}`);
    const most = await sign({ role: 'operator', tenants: [...ids.slice(2), 'UA'] });
    assert.deepEqual(await ask('either', most), [200, { role: 'operator', seen: 'UA' }]);
    const more = await sign({ role: 'operator', tenants: ids });
    assert.deepEqual(await codeOf('either', more), [401, 'TOKEN_INVALID']);
  });

  it("is not made of a tenant by an issuer's other roles", async () => {
    for (const claims of [{ role: 'authenticated' }, { tenants: ['DL'] }, { role: ['operator'] }]) {
      const token = await sign({ tenant: 'UA', ...claims });
      assert.deepEqual(await ask('either', token), [200, { tenant: 'UA', role: 'tenant', seen: 'UA' }]);
    }
  });

  it('is described: whom a route is for, and the header', () => {
    const { paths } = openApiDocument(ROUTES, '1') as {
      paths: Record<string, { get: { description: string; parameters: { name: string; in: string }[] } }>;
    };
    assert.match(paths['/operator']!.get.description, /operators alone/);
    assert.match(paths['/either']!.get.description, /its own part/);
    for (const { path } of ROUTES)
      assert.deepEqual(
        paths[path]!.get.parameters.map((each) => `${each.in} ${each.name}`),
        ['header Headgate-Tenant'],
      );
  });
});
