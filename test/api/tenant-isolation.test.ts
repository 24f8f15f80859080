import assert from 'node:assert/strict';
import { ROUTES } from '../../src/api/routes.js';
import { ALL_SCOPES, cloudEvent, startTestApi, type TestApi } from '../support/api.js';
import { examplePath } from '../support/documented.js';

const BATCH = '20240310-0123abcd-000000001';

const DEAD = `crm~${BATCH}~loop.1`;

/** Claims of an operator's token. */
const OPERATOR = { tenant: undefined, role: 'operator' } as const;

/** Every route that a tenant may call and that needs a token, with an example of its path, and its scope. */
const GUARDED: readonly [method: string, path: string, scope: string][] = ROUTES.flatMap((route) =>
  route.scope === undefined || route.audience === 'operator'
    ? []
    : [[route.method, examplePath(route), route.scope]],
);

/** Every route that manages tenants, with an example of its path. */
const MANAGING = ROUTES.filter(({ audience }) => audience === 'operator').map(
  (route) => [route.method, examplePath(route)] as const,
);

/** Those by which an operator may ask about all its tenants at once. */
const ABOUT_ALL = new Set(ROUTES.filter(({ audience }) => audience === 'either').map(examplePathOf));

function examplePathOf(route: (typeof ROUTES)[number]): string {
  return `${route.method} ${examplePath(route)}`;
}

describe('who may do what', () => {
  let api: TestApi;

  it('only what runs Headgate, describes it, tells everybody the same or is signed needs no token', () => {
    const open = ROUTES.filter(({ scope }) => scope === undefined).map(({ path }) => path);
    assert.deepEqual(open.sort(), [
      '/console',
      '/console/{file}',
      '/docs',
      '/docs/{file}',
      '/healthz',
      '/metrics',
      '/openapi.json',
      '/readyz',
      '/sourceConfig',
      '/v1/projects/{key}/settings',
      '/v1/sources/{tenant}/{name}',
    ]);
  });

  before(async () => {
    api = await startTestApi({ tenants: { UA: 'active', DL: 'active', AA: 'suspended', OP: 'active' } });
    const properties = cloudEvent('p', { data: { seats: 180 } });
    await api.post(JSON.stringify(properties), { path: '/v1/user-properties' });
  });
  after(async () => {
    await api.close();
    assert.deepEqual(api.faults, []);
  });

  const body = JSON.stringify(cloudEvent('e', { data: {} }));
  for (const [method, path, scope] of GUARDED) {
    const call = async (token: string | null): Promise<[number, string | undefined]> => {
      const answer = await api.post(method === 'POST' ? body : undefined, { method, path, token });
      return [answer.status, answer.body.code];
    };

    it(`${method} ${path} asks for a token, and says so by the header too`, async () => {
      const answer = await api.post(method === 'POST' ? body : undefined, { method, path, token: null });
      assert.deepEqual([answer.status, answer.body.code], [401, 'TOKEN_MISSING']);
      assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer/);
    });

    it(`${method} ${path} asks for the scope ${scope}, or admin`, async () => {
      const others = ALL_SCOPES.split(' ').filter((each) => each !== scope);
      for (const without of [
        '',
        others.join(' '),
        scope.toUpperCase(),
        `${scope}x`,
        scope.replace(':', ''),
      ]) {
        assert.deepEqual(await call(await api.token({ scope: without })), [403, 'SCOPE_MISSING'], without);
      }
      for (const enough of [scope, 'admin', `x ${scope}  y`]) {
        const [, code] = await call(await api.token({ scope: enough }));
        assert.notEqual(code, 'SCOPE_MISSING');
      }
    });

    for (const [tenant, code] of [
      ['AA', 'TENANT_SUSPENDED'],
      ['ZZ', 'TENANT_UNKNOWN'],
    ] as const) {
      it(`${method} ${path} refuses tenant ${tenant}: ${code}`, async () => {
        assert.deepEqual(await call(await api.token({ tenant, scope: 'admin' })), [403, code]);
      });
    }

    const named = async (token: string, tenant?: string): Promise<[number, string | undefined]> => {
      const headers: Record<string, string> = tenant === undefined ? {} : { 'headgate-tenant': tenant };
      const sent = method === 'POST' ? body : undefined;
      const answer = await api.post(sent, { method, path, token, headers });
      return [answer.status, answer.body.code];
    };

    it(`${method} ${path} is for the tenants of an operator's token alone, one by one`, async () => {
      const operator = await api.token({ ...OPERATOR, tenants: ['DL', 'AA', 'ZZ'], scope: 'admin' });
      const none = await api.token({ ...OPERATOR, tenants: ['DL'], scope: '' });
      api.receiptsAsked.length = 0;
      api.deadLettersAsked.length = 0;
      for (const outside of ['UA', 'dl', 'DLX', 'constructor'])
        assert.deepEqual(await named(operator, outside), [403, 'TENANT_OUT_OF_REACH'], outside);
      if (!ABOUT_ALL.has(`${method} ${path}`))
        assert.deepEqual(await named(operator), [400, 'TENANT_REQUIRED']);
      for (const wrong of ['', 'DL, DL', 'DL,UA', '../UA', '*', 'x'.repeat(64)])
        assert.deepEqual(await named(operator, wrong), [400, 'TENANT_REQUIRED'], wrong);
      assert.deepEqual(await named(operator, 'AA'), [403, 'TENANT_SUSPENDED']);
      assert.deepEqual(await named(operator, 'ZZ'), [403, 'TENANT_UNKNOWN']);
      assert.deepEqual(await named(none, 'DL'), [403, 'SCOPE_MISSING']);
      assert.deepEqual([...api.receiptsAsked, ...api.deadLettersAsked], [], 'nothing was looked for');
    });

    it(`${method} ${path} answers an operator as it does the tenant`, async () => {
      api.receiptsAsked.length = 0;
      api.deadLettersAsked.length = 0;
      for (const tenants of [['UA', 'OP'], undefined]) {
        const operator = await api.token({ ...OPERATOR, tenants, scope });
        const own = await call(await api.token({ tenant: 'OP', scope }));
        assert.deepEqual((await named(operator, 'OP'))[1], own[1]);
        const asked = [...api.receiptsAsked, ...api.deadLettersAsked];
        assert.ok(
          asked.every((each) => each.startsWith('OP/')),
          String(asked),
        );
      }
    });

    it(`${method} ${path} takes the header of a tenant for itself alone`, async () => {
      const own = await api.token({ tenant: 'OP', scope: 'admin' });
      for (const other of ['UA', 'ZZ'])
        assert.deepEqual(await named(own, other), [403, 'TENANT_OUT_OF_REACH'], other);
      for (const wrong of ['', 'DL, DL', 'UA, DL'])
        assert.deepEqual(await named(own, wrong), [400, 'TENANT_REQUIRED'], wrong);
      assert.deepEqual((await named(own, 'OP'))[1], (await call(own))[1]);
    });

    it(`${method} ${path} refuses a token that has expired`, async () => {
      assert.deepEqual(await call(await api.token({ expiresInSeconds: -60 })), [401, 'TOKEN_EXPIRED']);
    });
  }

  for (const [method, path] of MANAGING)
    it(`${method} ${path} is for operators alone, whatever the scopes of a tenant's token`, async () => {
      const scope = 'admin tenants:read tenants:write';
      const own = await api.token({ tenant: 'UA', scope });
      const answer = await api.post(undefined, { method, path, token: own });
      assert.deepEqual([answer.status, answer.body.code], [403, 'OPERATOR_ONLY']);
      const none = await api.token({ ...OPERATOR, scope: ALL_SCOPES });
      const lacking = await api.post(undefined, { method, path, token: none });
      assert.deepEqual([lacking.status, lacking.body.code], [403, 'SCOPE_MISSING']);
      if (!path.startsWith('/v1/tenants/')) return;
      const elsewhere = await api.token({ ...OPERATOR, tenants: ['UA'], scope });
      const outside = await api.post(undefined, { method, path, token: elsewhere });
      assert.deepEqual([outside.status, outside.body.code], [403, 'TENANT_OUT_OF_REACH']);
    });

  it("another tenant's token, even an admin's, reads nothing of this one's", async () => {
    const stranger = await api.token({ tenant: 'DL', scope: `admin ${ALL_SCOPES}` });
    const own = await api.get('/v1/eligibility/s1');
    assert.equal(own.headers.get('cache-control'), 'no-store', 'no cache on the way may keep it');
    assert.deepEqual(
      [own.status, own.body],
      [200, { subject: 's1', profile: { seats: 180 }, decisions: [] }],
    );
    assert.equal((await api.get('/v1/eligibility/s1', stranger)).status, 404);
    api.receiptsAsked.length = 0;
    await api.get(`/v1/batches/${BATCH}`, stranger);
    assert.deepEqual(api.receiptsAsked, [`DL/${BATCH}`]);
  });

  it("another tenant's token asks for its own dead letters alone, whatever the request says", async () => {
    const token = await api.token({ tenant: 'DL', scope: `admin ${ALL_SCOPES}` });
    const headers = { 'x-tenant': 'UA', 'headgate-tenant': 'DL' };
    const reason = { reason: 'a test' };
    const many = { filter: {}, ...reason };
    const asked = async (path: string, sent?: object): Promise<number> => {
      const body = sent && JSON.stringify(sent);
      const request = { method: sent ? 'POST' : 'GET', path: `/v1/dead-letters${path}`, token, headers };
      return (await api.post(body, request)).status;
    };
    api.deadLettersAsked.length = 0;
    for (const path of ['', '/export']) assert.equal(await asked(path), 503, path);
    for (const path of [`/${DEAD}`, '/redrives/1']) assert.equal(await asked(path), 404, path);
    for (const path of ['/redrive', '/discard']) assert.equal(await asked(path, many), 503, path);
    for (const path of [`/${DEAD}/redrive`, `/${DEAD}/discard`, '/redrives/1/cancel'])
      assert.equal(await asked(path, reason), 404, path);
    assert.deepEqual(api.deadLettersAsked, [
      'DL/',
      'DL/',
      `DL/${DEAD}`,
      'DL/1',
      'DL/',
      'DL/',
      `DL/${DEAD}`,
      `DL/${DEAD}`,
      'DL/1',
    ]);
    assert.equal(await asked('?tenant=UA'), 400);
    assert.equal(await asked('/redrive', { ...many, tenant: 'UA' }), 400);
  });

  it('the status of all that an operator reaches is of its list alone', async () => {
    const token = await api.token({ ...OPERATOR, tenants: ['DL', 'AA', 'ZZ'], scope: 'status:read' });
    const answer = await api.get('/v1/status', token);
    assert.deepEqual([answer.status, (answer.body as { tenants?: number }).tenants], [200, 2]);
    const own = await api.get('/v1/status', await api.token({ tenant: 'DL', scope: 'status:read' }));
    assert.deepEqual([(own.body as { tenants?: number }).tenants, 'node' in own.body], [1, false]);
  });

  it('an operator reads and writes what it names, and nothing else', async () => {
    const token = await api.token({ ...OPERATOR, tenants: ['DL'], scope: `admin ${ALL_SCOPES}` });
    const read = (tenant: string): ReturnType<TestApi['post']> => {
      const headers = { 'headgate-tenant': tenant };
      return api.post(undefined, { method: 'GET', path: '/v1/eligibility/s1', token, headers });
    };
    assert.equal((await read('UA')).body.code, 'TENANT_OUT_OF_REACH');
    assert.equal((await read('DL')).status, 404);
    const event = JSON.stringify(cloudEvent('by-operator'));
    const headers = { 'headgate-tenant': 'DL' };
    assert.equal((await api.post(event, { token, headers })).status, 202);
    await api.drained();
    const of = (tenant: string): number => api.events(tenant).filter(({ id }) => id === 'by-operator').length;
    assert.deepEqual([of('UA'), of('DL')], [0, 1]);
  });

  it("another tenant's token writes to its own tenant alone, whatever the request says", async () => {
    const stranger = await api.token({ tenant: 'DL', scope: 'admin' });
    const event = cloudEvent('whose', { tenant: 'UA', tenantid: 'UA', data: { tenant: 'UA' } });
    const headers = { 'x-tenant': 'UA', 'headgate-tenant': 'DL' };
    const path = '/v1/events?tenant=UA';
    assert.equal((await api.post(JSON.stringify(event), { token: stranger, headers, path })).status, 202);
    await api.drained();
    assert.equal(api.events('UA').filter(({ id }) => id === 'whose').length, 0);
    assert.equal(api.events('DL').filter(({ id }) => id === 'whose').length, 1);
    const again = await api.post(JSON.stringify(event));
    assert.equal(again.body.accepted, 1, "an id another tenant has used is not this one's duplicate");
  });

  for (const subject of [
    '..',
    '..%2f..%2fDL',
    '%00',
    's1%00',
    'UA%2Fs1',
    '%E0%A4%A',
    'x'.repeat(600),
    '%F0%9D%84%9E'.repeat(512),
    '__proto__',
    'constructor',
  ]) {
    it(`GET /v1/eligibility/${subject.slice(0, 20)} finds nothing, and breaks nothing`, async () => {
      assert.equal((await api.get(`/v1/eligibility/${subject}`)).status, 404);
    });
  }

  for (const id of [
    'x',
    '..%2f..%2fDL',
    '%00',
    `${BATCH}%00`,
    `${BATCH}%0a`,
    `..%2f${BATCH}`,
    BATCH.toUpperCase(),
    '%E0%A4%A',
  ]) {
    it(`GET /v1/batches/${id} is no batch, and nothing is asked for it`, async () => {
      api.receiptsAsked.length = 0;
      assert.equal((await api.get(`/v1/batches/${id}`)).status, 404);
      assert.deepEqual(api.receiptsAsked, []);
    });
  }
});
