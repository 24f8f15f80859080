import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { createMetrics } from '../../../src/observability/create-metrics.js';
import { parseTenantConfig } from '../../../src/tenants/config/parse.js';
import { compileTenant, type LoadedTenant } from '../../../src/tenants/config/tenant-file.js';
import { startTestApi, type TestAnswer, type TestApi, type TestApiOptions } from '../../support/api.js';

const FILES: Readonly<Record<string, string>> = {
  UA: `
tenant: UA
sources:
  - { name: github, kind: webhook, verify: { kind: github, secret: 'secret:github' } }
  - { name: stripe, kind: webhook, verify: { kind: stripe, secret: 'secret:stripe' } }
  - { name: shopify, kind: webhook, verify: { kind: shopify, secret: 'secret:shopify' } }
  - { name: slack, kind: webhook, verify: { kind: slack, secret: 'secret:slack' } }
  - { name: basic, kind: webhook, verify: { kind: basic, user: shop, secret: 'secret:basic' } }
  - { name: unset, kind: webhook, verify: { kind: github, secret: 'secret:nothing' } }
  - name: shop
    kind: webhook
    verify: { kind: hmac, header: X-Sig, secret: 'secret:shop' }
    maxBytes: 2KB
    map:
      id: body.order.id
      type: '"shop." + query.kind'
      subject: headers["x-customer"]
      time: body.at
      data: '{"total": body.order.total, "credentials": "authorization" in headers || "x-sig" in headers}'
`,
  DL: `
tenant: DL
sources:
  - { name: github, kind: webhook, verify: { kind: github, secret: 'secret:github' } }
`,
  AA: `
tenant: AA
suspended: true
sources:
  - { name: github, kind: webhook, verify: { kind: github, secret: 'secret:github' } }
`,
};

const PUSH = { 'x-github-event': 'push', 'x-github-delivery': 'delivery-1' };
const REPOSITORY = { repository: { full_name: 'acme/shop' } };

const hmac = (secret: string, content: string | Buffer, encoding: 'hex' | 'base64' = 'hex'): string =>
  createHmac('sha256', secret).update(content).digest(encoding);

const nowSeconds = (): number => Math.floor(Date.now() / 1000);

describe('POST /v1/sources/{tenant}/{name}', () => {
  let api: TestApi;
  /** By tenant and reference. */
  let secrets: Record<string, readonly string[] | undefined>;

  async function start(options: TestApiOptions = {}): Promise<void> {
    const loaded: Record<string, LoadedTenant> = {};
    for (const [tenant, text] of Object.entries(FILES))
      loaded[tenant] = compileTenant(parseTenantConfig(text, `${tenant}.yaml`), text);
    secrets = {};
    for (const name of ['github', 'stripe', 'shopify', 'slack', 'basic', 'shop'])
      secrets[`UA secret:${name}`] = [`of ${name}`];
    secrets['DL secret:github'] = ['of DL'];
    secrets['AA secret:github'] = ['of AA'];
    api = await startTestApi({
      ...options,
      sources: {
        find: (tenant, name) => {
          const found = Object.hasOwn(loaded, tenant) ? loaded[tenant] : undefined;
          const source = found?.sources?.get(name);
          return source && { source, isSuspended: found!.config.suspended };
        },
        secretOf: (tenant, reference) => secrets[`${tenant} ${reference}`],
      },
    });
  }

  beforeEach(() => start());
  afterEach(async () => {
    await api.close();
    assert.deepEqual(api.faults, []);
  });

  type Sent = TestAnswer & { readonly text: string };

  async function send(
    path: string,
    body: string | Buffer,
    headers: Record<string, string> = {},
  ): Promise<Sent> {
    const response = await fetch(`${api.url}/v1/sources/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: new Uint8Array(Buffer.from(body)),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') === true;
    const parsed = (isJson ? JSON.parse(text) : {}) as TestAnswer['body'];
    return { status: response.status, headers: response.headers, body: parsed, text };
  }

  /** As GitHub sends to a tenant. */
  function github(body: string, { headers = {}, tenant = 'UA', secret = 'of github' } = {}): Promise<Sent> {
    const signature = { 'x-hub-signature-256': `sha256=${hmac(secret, body)}` };
    return send(`${tenant}/github`, body, { ...PUSH, ...signature, ...headers });
  }

  function shop(body: string, query = '?kind=paid', headers: Record<string, string> = {}): Promise<Sent> {
    return send(`UA/shop${query}`, body, { 'x-sig': hmac('of shop', body), ...headers });
  }

  async function events(tenant = 'UA') {
    await api.drained();
    return api.events(tenant);
  }

  it('makes an event of what GitHub sends', async () => {
    const { status, text, headers } = await github(JSON.stringify(REPOSITORY));
    assert.deepEqual(
      [status, text, headers.get('content-type')],
      [200, 'accepted', 'text/plain; charset=utf-8'],
    );
    const { time, received_at, ...event } = (await events())[0]!;
    assert.equal(time, received_at);
    assert.deepEqual(event, {
      specversion: '1.0',
      id: 'delivery-1',
      source: '/sources/github',
      type: 'github.push',
      subject: 'acme/shop',
      datacontenttype: 'application/json',
      data: REPOSITORY,
    });
  });

  it('takes what is sent twice once, and says 200 to both', async () => {
    const answers = [];
    for (let i = 0; i < 3; i++) answers.push(await github(JSON.stringify(REPOSITORY)));
    assert.deepEqual(
      answers.map(({ status, text }) => [status, text]),
      [
        [200, 'accepted'],
        [200, 'duplicate'],
        [200, 'duplicate'],
      ],
    );
    assert.equal((await events()).length, 1);
  });

  it('makes events of what Stripe, Shopify and Slack send', async () => {
    const stripe = JSON.stringify({ id: 'evt_1', type: 'invoice.paid', created: 1_686_089_970 });
    const at = nowSeconds();
    const signed = `t=${at},v1=${hmac('of stripe', `${at}.${stripe}`)}`;
    assert.equal((await send('UA/stripe', stripe, { 'stripe-signature': signed })).text, 'accepted');

    const order = '{"id":820982911946154508}';
    const shopify = {
      'x-shopify-hmac-sha256': hmac('of shopify', order, 'base64'),
      'x-shopify-topic': 'orders/create',
      'x-shopify-webhook-id': 'b54557e4',
      'x-shopify-shop-domain': 'acme.myshopify.com',
      'x-shopify-triggered-at': '2023-03-29T18:00:27.877041743Z',
    };
    assert.equal((await send('UA/shopify', order, shopify)).text, 'accepted');

    const slack = JSON.stringify({ event_id: 'Ev1', event_time: 1_686_089_971, event: { type: 'message' } });
    // Slack shows what answers its users' commands.
    assert.deepEqual(await slackAnswer(slack), [200, '']);
    assert.deepEqual(
      (await events()).map(({ id, type, subject, time, data, datacontenttype }) => [
        id,
        type,
        subject,
        time,
        data,
        datacontenttype,
      ]),
      [
        [
          'evt_1',
          'stripe.invoice.paid',
          undefined,
          '2023-06-06T22:19:30.000Z',
          JSON.parse(stripe),
          'application/json',
        ],
        // A number that JavaScript would change: the text has it.
        [
          'b54557e4',
          'shopify.orders/create',
          'acme.myshopify.com',
          '2023-03-29T18:00:27.877041743Z',
          order,
          'text/plain; charset=utf-8',
        ],
        [
          'Ev1',
          'slack.message',
          undefined,
          '2023-06-06T22:19:31.000Z',
          JSON.parse(slack),
          'application/json',
        ],
      ],
    );
  });

  async function slackAnswer(body: string, contentType = 'application/json'): Promise<[number, string]> {
    const at = String(nowSeconds());
    const { status, text } = await send('UA/slack', body, {
      'content-type': contentType,
      'x-slack-request-timestamp': at,
      'x-slack-signature': `v0=${hmac('of slack', `v0:${at}:${body}`)}`,
    });
    return [status, text];
  }

  it("answers Slack's challenge, where it is signed, and makes no event of it", async () => {
    const challenge = JSON.stringify({ token: 'x', challenge: '3eZbrw1aBm2rZ', type: 'url_verification' });
    assert.deepEqual(await slackAnswer(challenge), [200, '3eZbrw1aBm2rZ']);
    const { status, text } = await send('UA/slack', challenge);
    assert.equal(status, 401);
    assert.ok(!text.includes('3eZbrw1aBm2rZ'));
    assert.deepEqual(await events(), []);
  });

  it("takes forms: of Slack's commands as they are, of its actions and of GitHub the JSON within", async () => {
    const FORM = 'application/x-www-form-urlencoded';
    const command = 'command=%2Fweather&text=94070&trigger_id=1.2';
    assert.deepEqual(await slackAnswer(command, FORM), [200, '']);
    const action = new URLSearchParams({ payload: '{"type":"block_actions","n":1}' }).toString();
    assert.deepEqual(await slackAnswer(action, FORM), [200, '']);
    const push = new URLSearchParams({ payload: JSON.stringify(REPOSITORY) }).toString();
    assert.equal((await github(push, { headers: { 'content-type': FORM } })).text, 'accepted');
    assert.deepEqual(
      (await events()).map(({ type, subject, data, datacontenttype }) => [
        type,
        subject,
        data,
        datacontenttype,
      ]),
      [
        ['slack.command', undefined, command, FORM],
        ['slack.block_actions', undefined, { type: 'block_actions', n: 1 }, 'application/json'],
        ['github.push', 'acme/shop', REPOSITORY, 'application/json'],
      ],
    );
  });

  it("makes what the tenant's expressions say, which see nothing that authenticates", async () => {
    const body = JSON.stringify({ order: { id: 17, total: 9.5 }, at: 1_686_089_970_500 });
    const { text } = await shop(body, '?kind=paid', { 'x-customer': 'c-7', authorization: 'Bearer x' });
    assert.equal(text, 'accepted');
    const { id, type, subject, time, data } = (await events())[0]!;
    assert.deepEqual(
      { id, type, subject, time, data },
      {
        id: '17',
        type: 'shop.paid',
        subject: 'c-7',
        time: '2023-06-06T22:19:30.500Z',
        data: { total: 9.5, credentials: false },
      },
    );
  });

  it('does without what is missing: the id is a digest of what is signed, the type the name of the source', async () => {
    const plain = { 'content-type': 'text/plain' };
    const texts = [];
    for (const body of ['one', 'one', 'two']) texts.push((await shop(body, '', plain)).text);
    assert.deepEqual(texts, ['accepted', 'duplicate', 'accepted']);
    const bytes = Buffer.from([0xff, 0x00]);
    assert.equal(
      (await send('UA/shop', bytes, { 'x-sig': hmac('of shop', bytes), ...plain })).text,
      'accepted',
    );
    const made = await events();
    assert.deepEqual(
      made.map(({ type, data, data_base64, subject }) => [type, data, data_base64, subject]),
      [
        ['webhook.shop', 'one', undefined, undefined],
        ['webhook.shop', 'two', undefined, undefined],
        ['webhook.shop', undefined, '/wA=', undefined],
      ],
    );
    for (const { id } of made) assert.match(id, /^[0-9a-f]{64}$/);
  });

  it('says which expression makes nothing of use, and what it would lose', async () => {
    const refused = async (body: string): Promise<unknown[]> => {
      const { status, body: problem } = await shop(body);
      return [status, problem.code, problem.detail];
    };
    assert.deepEqual(await refused('{"order":{"id":[1],"total":1}}'), [
      422,
      'NOTHING_ACCEPTED',
      'map.id: it must give text, not a list',
    ]);
    assert.deepEqual(await refused('{"order":{"id":"a","total":820982911946154508}}'), [
      422,
      'NOTHING_ACCEPTED',
      'map.data: the body has a number or a key that would be lost; leave map.data out',
    ]);
    assert.match(
      String((await refused('{"order":{"id":"a","total":1},"at":"yesterday"}'))[2]),
      /time is not an RFC 3339/,
    );
    assert.deepEqual(await events(), []);
  });

  it('takes every secret that is valid while one is rotated, and none that is not', async () => {
    secrets['UA secret:github'] = ['new', 'of github'];
    const at = async (secret: string): Promise<number> =>
      (await github('{}', { secret, headers: { 'x-github-delivery': secret } })).status;
    assert.deepEqual([await at('of github'), await at('new')], [200, 200]);
    secrets['UA secret:github'] = ['new'];
    assert.deepEqual([await at('of github'), await at('new')], [401, 200]);
  });

  it("is a tenant's own: no other tenant's secret opens it, and its events are nobody else's", async () => {
    assert.equal((await github('{}', { tenant: 'DL', secret: 'of github' })).status, 401);
    assert.equal((await github('{}', { tenant: 'UA', secret: 'of DL' })).status, 401);
    assert.equal((await github('{}', { tenant: 'DL', secret: 'of DL' })).status, 200);
    assert.deepEqual([(await events('UA')).length, (await events('DL')).length], [0, 1]);
  });

  it('says the same of a tenant that is not there as of a source that is not', async () => {
    const answers = [];
    for (const path of ['nobody/github', 'UA/nothing', '__proto__/github', 'DL/stripe', 'UA/constructor'])
      answers.push(await send(path, '{}'));
    for (const { status, text } of answers) assert.deepEqual([status, text], [404, answers[0]!.text]);
    assert.equal(answers[0]!.body.code, 'SOURCE_UNKNOWN');
  });

  it('says that a tenant is suspended to its sender alone', async () => {
    assert.deepEqual((await github('{}', { tenant: 'AA', secret: 'wrong' })).status, 401);
    const { status, body } = await github('{}', { tenant: 'AA', secret: 'of AA' });
    assert.deepEqual([status, body.code], [403, 'TENANT_SUSPENDED']);
  });

  it('asks for a user and a password, where it has those', async () => {
    const login = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });
    assert.equal((await send('UA/basic', '{}', login('shop:of basic'))).status, 200);
    for (const headers of [login('shop:of'), login('root:of basic'), {}]) {
      const { status, headers: answered } = await send('UA/basic', '{}', headers);
      assert.deepEqual([status, answered.get('www-authenticate')], [401, 'Basic realm="headgate"']);
    }
  });

  it('takes no token in the place of a signature', async () => {
    const authorization = `Bearer ${await api.token()}`;
    const { status, body } = await send('UA/github', '{}', { ...PUSH, authorization });
    assert.deepEqual([status, body.code], [401, 'SIGNATURE_INVALID']);
  });

  it('refuses a body that is too large, also one that was packed', async () => {
    const large = Buffer.from(JSON.stringify({ text: 'x'.repeat(3_000) }));
    const sig = { 'x-sig': hmac('of shop', large) };
    assert.equal((await send('UA/shop', large, sig)).body.code, 'BODY_TOO_LARGE');
    const packed = await send('UA/shop', gzipSync(large), { ...sig, 'content-encoding': 'gzip' });
    assert.equal(packed.body.code, 'BODY_TOO_LARGE');
    const small = Buffer.from('{"order":{"id":"1","total":1}}');
    const taken = await send('UA/shop', gzipSync(small), {
      'x-sig': hmac('of shop', small),
      'content-encoding': 'gzip',
    });
    assert.equal(taken.text, 'accepted');
  });

  it('takes JSON that is no object, and expressions find nothing or what they ask for in it', async () => {
    for (const body of ['[1,{"repository":{"full_name":"x"}}]', '"text"', '17', 'null', '{"repository":7}']) {
      const headers = { 'x-github-delivery': body.replaceAll(/\W/g, '-') };
      assert.equal((await github(body, { headers })).text, 'accepted', body);
    }
    const made = await events();
    assert.deepEqual(
      made.map(({ data, subject }) => [data, subject]),
      [
        [[1, { repository: { full_name: 'x' } }], undefined],
        ['text', undefined],
        [17, undefined],
        [null, undefined],
        [{ repository: 7 }, undefined],
      ],
    );
  });

  it('keeps as text what is JSON, but more than an event may have', async () => {
    const deep = `${'['.repeat(200)}1${']'.repeat(200)}`;
    assert.equal((await github(deep)).text, 'accepted');
    const [event] = await events();
    assert.deepEqual([event?.data, event?.datacontenttype], [deep, 'text/plain; charset=utf-8']);
  });
});

describe('webhooks that are not signed', () => {
  let api: TestApi;
  const text = FILES.UA!;

  before(async () => {
    const loaded = compileTenant(parseTenantConfig(text, 'UA.yaml'), text);
    api = await startTestApi({
      refusedTokensPerMinute: 3,
      metrics: createMetrics(),
      limits: { requestsPerSecond: 1 },
      sources: {
        find: (tenant, name) => {
          const source = tenant === 'UA' ? loaded.sources?.get(name) : undefined;
          return source && { source, isSuspended: false };
        },
        secretOf: (_tenant, reference) => (reference === 'secret:nothing' ? undefined : 'secret'),
      },
    });
  });
  after(() => api.close());

  async function forge(
    name = 'github',
  ): Promise<{ status: number; code?: string; retryAfter: string | null }> {
    const response = await fetch(`${api.url}/v1/sources/UA/${name}`, {
      method: 'POST',
      headers: { ...PUSH, 'x-hub-signature-256': `sha256=${randomBytes(32).toString('hex')}` },
      body: '{}',
    });
    const { code } = (await response.json()) as { code?: string };
    return { status: response.status, code, retryAfter: response.headers.get('retry-after') };
  }

  it('are counted as refused tokens of their address, and cost the tenant nothing', async () => {
    const codes = [];
    for (let i = 0; i < 5; i++) codes.push((await forge(i === 0 ? 'nothing' : 'github')).code);
    assert.deepEqual(codes, [
      'SOURCE_UNKNOWN',
      'SIGNATURE_INVALID',
      'SIGNATURE_INVALID',
      'ADDRESS_RATE_LIMITED',
      'ADDRESS_RATE_LIMITED',
    ]);
    const scraped = await (await fetch(`${api.url}/metrics`)).text();
    assert.match(scraped, /headgate_refused_tokens_total\{code="SIGNATURE_INVALID"\} 4/);
    assert.ok(!scraped.includes('headgate_refused_requests_total{'), 'no tenant was refused');
    // A good signature passes all the same, in the tenant's own bounds.
    const body = '{}';
    const headers = { ...PUSH, 'x-hub-signature-256': `sha256=${hmac('secret', body)}` };
    const taken = Array.from({ length: 20 }, async () => {
      const response = await fetch(`${api.url}/v1/sources/UA/github`, { method: 'POST', headers, body });
      await response.text();
      return response.status;
    });
    assert.deepEqual(new Set(await Promise.all(taken)), new Set([200, 429]));
    const audited = await api.audited();
    assert.ok(audited.some(({ act, code }) => act === 'receiveWebhook' && code === 'SIGNATURE_INVALID'));
    assert.ok(
      audited.some(
        ({ act, subject, outcome }) =>
          act === 'receiveWebhook' && subject === 'source github' && outcome === 'ok',
      ),
    );
  });

  it('are told to come again where nobody can verify them', async () => {
    const { status, code, retryAfter } = await forge('unset');
    assert.deepEqual([status, code, retryAfter], [503, 'SOURCE_UNVERIFIABLE', '60']);
  });
});
