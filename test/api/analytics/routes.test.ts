import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import type { Source, WriteKeys } from '../../../src/sources/write-keys.js';
import { useTestApi, type RequestBody } from '../../support/api.js';
import { assertDocumented } from '../../support/documented.js';

const KEY = 'web:3f9c';
const SOURCES: Readonly<Record<string, Source>> = {
  [KEY]: { tenant: 'UA', name: 'web' },
  plain: { tenant: 'UA', name: 'web' },
  delta: { tenant: 'DL', name: 'web' },
  suspended: { tenant: 'AA', name: 'web' },
  unconfigured: { tenant: 'ZZ', name: 'web' },
  page: { tenant: 'UA', name: 'shop', allowedOrigins: ['https://shop.example'] },
  some: { tenant: 'UA', name: 'some', eventTypes: ['track.order-*', 'page'] },
};
let complete = true;
const writeKeys: WriteKeys = {
  find: (key) => (Object.hasOwn(SOURCES, key) ? SOURCES[key] : undefined),
  get complete() {
    return complete;
  },
};
const TIME = '2026-11-30T12:00:00.123Z';

function basic(key: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${key}:`).toString('base64')}` };
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

describe('what analytics clients send', () => {
  const api = useTestApi({ writeKeys, tenants: { UA: 'active', DL: 'active', AA: 'suspended' } });
  let ids = 0;
  const newId = (): string => `m-${++ids}`;

  async function send(
    path: string,
    body: RequestBody | undefined,
    headers: Readonly<Record<string, string>> = basic(KEY),
    method = 'POST',
  ): Promise<Answer> {
    const response = await fetch(`${api().url}${path}`, { method, headers, body });
    const text = await response.text();
    const contentType = response.headers.get('content-type');
    const { status } = response;
    if (status !== 204) assertDocumented({ method, path, status, contentType, text });
    return {
      status,
      headers: response.headers,
      body: (text === '' ? {} : JSON.parse(text)) as Answer['body'],
    };
  }

  async function assertTaken(answer: Answer): Promise<void> {
    assert.deepEqual([answer.status, answer.body], [200, { success: true }]);
    assert.match(answer.headers.get('content-type') ?? '', /^application\/json/);
    assert.equal(answer.headers.get('access-control-allow-origin'), '*');
    await api().drained();
  }

  const rowsOf = (id: string, tenant = 'UA') =>
    api()
      .events(tenant)
      .filter((row) => row.id === id);
  const profilesOf = (id: string) =>
    api()
      .events('UA', 'user-properties')
      .filter((row) => row.id === id);
  const rejected = async (query = ''): Promise<Record<string, string>[]> => {
    const { body } = await api().get(`/v1/rejected-events${query}`);
    return (body as unknown as { events: Record<string, string>[] }).events;
  };

  interface Capture {
    readonly client: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    /** What the body has beside its events. */
    readonly beside?: Readonly<Record<string, unknown>>;
    readonly event?: Readonly<Record<string, unknown>>;
    readonly single?: boolean;
    readonly gzip?: boolean;
    readonly time?: string;
  }

  const TRACK = { type: 'track', event: 'Order Completed', userId: 'u-1', properties: { total: 1.1 } };
  const STAMPED = { timestamp: TIME };
  const FORM = 'application/x-www-form-urlencoded';
  const SENT = { sentAt: TIME };
  const JSON_TYPE = { 'content-type': 'application/json' };
  const CAPTURES: readonly Capture[] = [
    {
      client: '@segment/analytics-node 3.1.0',
      path: '/v1/batch',
      headers: { ...basic(KEY), ...JSON_TYPE },
      beside: { writeKey: KEY, ...SENT },
      event: {
        ...STAMPED,
        integrations: {},
        context: { library: { name: 'n' } },
        _metadata: { nodeVersion: '20' },
      },
    },
    {
      client: 'segment-analytics-python 2.4.0',
      path: '/v1/batch',
      headers: { ...basic('plain'), ...JSON_TYPE },
      beside: { sentAt: '2026-11-30T12:00:01.123456+00:00', writeKey: 'plain' },
      event: { anonymousId: null, timestamp: '2026-11-30T12:00:00.123+00:00' },
      time: '2026-11-30T12:00:00.123+00:00',
    },
    {
      client: 'Go analytics-go/v3 3.3.0',
      path: '/v1/batch',
      headers: { ...basic('plain'), ...JSON_TYPE },
      beside: { messageId: 'of-the-batch', ...SENT, context: { library: { name: 'analytics-go' } } },
      event: { timestamp: '2026-11-30T12:00:00.123456789Z', integrations: { all: true } },
      time: '2026-11-30T12:00:00.123456789Z',
    },
    {
      client: 'analytics-java 3.5.4',
      path: '/v1/import/',
      headers: { 'content-type': 'application/json; charset=UTF-8' },
      beside: { ...SENT, context: { instanceId: 'i' }, sequence: 1, writeKey: KEY },
      event: STAMPED,
    },
    {
      client: 'analytics-java 3.5.4 with a host that ends in a slash',
      path: '//v1/import/',
      headers: { 'content-type': 'application/json; charset=UTF-8' },
      beside: { writeKey: KEY },
      event: STAMPED,
    },
    {
      client: '@segment/analytics-next 1.84.3, one by one',
      path: '/v1/t',
      headers: { ...basic('plain'), 'content-type': 'text/plain', origin: 'https://elsewhere.example' },
      event: { ...STAMPED, ...SENT, writeKey: 'plain', _metadata: {} },
      single: true,
    },
    {
      client: '@segment/analytics-next 1.84.3, in batches',
      path: '/v1/b',
      headers: { 'content-type': 'text/plain' },
      beside: { writeKey: 'plain', ...SENT },
      event: STAMPED,
    },
    {
      client: 'rudder-sdk-node 3.0.13',
      path: '/v1/batch',
      headers: { ...basic('plain'), 'content-type': FORM, 'content-encoding': 'gzip' },
      beside: { timestamp: TIME, ...SENT },
      event: { originalTimestamp: TIME, ...SENT, channel: 'server' },
      gzip: true,
    },
    {
      client: 'rudder-sdk-python 2.1.9',
      path: '/v1/batch',
      headers: { ...basic('plain'), ...JSON_TYPE, 'content-encoding': 'gzip' },
      beside: SENT,
      event: { timestamp: '2026-11-30T12:00:00.123456+00:00', channel: 'server' },
      gzip: true,
      time: '2026-11-30T12:00:00.123456+00:00',
    },
    {
      client: 'Rudder analytics-go/v4 4.2.3',
      path: '/v1/batch',
      headers: { ...basic(KEY), ...JSON_TYPE, 'content-encoding': 'gzip', 'rs-targetnode': '0' },
      event: { originalTimestamp: '2026-11-30T12:00:00.123456789Z', ...SENT },
      gzip: true,
      time: '2026-11-30T12:00:00.123456789Z',
    },
    {
      client: '@rudderstack/analytics-js 3.34.1, one by one',
      path: '/v1/track',
      headers: { ...basic('plain'), 'content-type': 'application/json;charset=UTF-8', anonymousid: 'YQ==' },
      event: { userId: '', anonymousId: 'u-1', originalTimestamp: TIME, integrations: { All: true } },
      single: true,
    },
    {
      client: '@rudderstack/analytics-js 3.34.1, beacon',
      path: '/beacon/v1/batch?writeKey=plain',
      headers: { 'content-type': 'text/plain' },
      beside: SENT,
      event: { originalTimestamp: TIME },
    },
    {
      client: '@jitsu/js 1.11.0',
      path: '/api/s/track',
      headers: { ...JSON_TYPE, 'x-write-key': KEY },
      event: { ...STAMPED, writeKey: 'web:***' },
      single: true,
    },
    {
      client: 'gzip that does not say so, without a content type',
      path: '/v1/batch',
      headers: {},
      beside: { writeKey: KEY },
      event: STAMPED,
      gzip: true,
    },
  ];

  for (const { client, path, headers, beside, event, single, gzip, time = TIME } of CAPTURES)
    it(`${client}: an event is taken, and taken again is a duplicate`, async () => {
      const messageId = newId();
      const whole = { ...TRACK, messageId, ...event };
      const json = JSON.stringify(single === true ? whole : { ...beside, batch: [whole] });
      const body = gzip === true ? gzipSync(json) : Buffer.from(json);
      await assertTaken(await send(path, body, headers));
      await assertTaken(await send(path, body, headers));
      const rows = rowsOf(messageId);
      assert.equal(rows.length, 1);
      const [row] = rows;
      assert.deepEqual(
        [row?.source, row?.type, row?.subject, row?.time],
        ['/sources/web', 'track.order-completed', 'u-1', time],
      );
      assert.deepEqual((row?.data as { properties: unknown }).properties, { total: 1.1 });
      assert.doesNotMatch(JSON.stringify(row), /writeKey/);
      if (beside?.context !== undefined)
        assert.deepEqual((row?.data as { context: unknown }).context, beside.context);
    });

  for (const call of ['track', 'identify', 'page', 'screen', 'group', 'alias'])
    for (const path of [`/v1/${call}`, `/v1/${call.charAt(0)}`, `/api/s/${call}`, `//v1//${call}/`])
      it(`POST ${path} takes a ${call}`, async () => {
        const messageId = newId();
        const sent = {
          messageId,
          userId: 'u-2',
          anonymousId: 'a-2',
          event: 'X',
          groupId: 'g',
          timestamp: TIME,
        };
        await assertTaken(await send(path, JSON.stringify({ ...sent, traits: { plan: 'gold' } })));
        assert.deepEqual(
          rowsOf(messageId).map(({ type }) => type),
          [call === 'track' ? 'track.x' : call],
        );
        const profile = {
          identify: { plan: 'gold' },
          group: { groupId: 'g', group: { plan: 'gold' } },
          alias: {},
        };
        const expected = profile[call as 'identify'] as object | undefined;
        assert.deepEqual(
          profilesOf(messageId).map(({ subject, data, extensions }) => ({ subject, data, extensions })),
          expected === undefined
            ? []
            : [
                {
                  subject: 'u-2',
                  data: expected,
                  extensions: call === 'group' ? undefined : { mergesubject: 'a-2' },
                },
              ],
        );
      });

  it('counts events of both streams, and duplicates in both', async () => {
    const identify = { messageId: newId(), userId: 'u-3', traits: { a: 1 }, timestamp: TIME };
    await assertTaken(await send('/v1/identify', JSON.stringify(identify)));
    await assertTaken(await send('/v1/identify', JSON.stringify({ ...identify, sentAt: TIME })));
    assert.equal(rowsOf(identify.messageId).length, 1);
    assert.equal(profilesOf(identify.messageId).length, 1);
    const { body } = await api().get('/v1/eligibility/u-3');
    assert.deepEqual((body as unknown as { profile: object }).profile, { a: 1 });
  });

  it('refuses of a batch what is bad alone, and keeps that to be looked at', async () => {
    const good = [newId(), newId()];
    const bad = [
      { type: 'track', event: 'X', messageId: newId(), timestamp: '1600-01-01T00:00:00Z' },
      { type: 'nothing', messageId: 'b-2' },
      7,
      { type: 'track', event: 'X', messageId: 'b-4', userId: {} },
      { type: 'identify', messageId: 'b-5', userId: 'u', traits: 'gold' },
      { type: 'page', messageId: 'b-6', properties: { text: 'x'.repeat(300_000) } },
      {
        type: 'page',
        messageId: 'b-7',
        writeKey: 'secret',
        properties: JSON.parse('['.repeat(80) + ']'.repeat(80)) as unknown,
      },
      { type: 'page', messageId: 'b-8', timestamp: 'yesterday' },
    ];
    const [first, last] = good.map((messageId) => ({ ...TRACK, messageId, timestamp: TIME }));
    await assertTaken(await send('/v1/batch', JSON.stringify({ batch: [first, ...bad, last] })));
    for (const id of good) assert.equal(rowsOf(id).length, 1);
    const shown = (await rejected('?source=web')).slice(0, bad.length);
    // Of what cannot be mapped is known before what cannot be taken; profiles come before events.
    const reasonOf = (part: string): string | undefined =>
      shown.find(({ event }) => event?.includes(part))?.reason;
    assert.equal(shown.length, bad.length);
    assert.match(reasonOf('1600-01-01') ?? '', /before 1970/);
    assert.match(reasonOf('b-2') ?? '', /type must be one of/);
    assert.match(shown.find(({ event }) => event === '7')?.reason ?? '', /JSON object/);
    assert.match(reasonOf('b-4') ?? '', /subject must be string/);
    assert.match(reasonOf('b-5') ?? '', /data must be an object/);
    assert.match(reasonOf('b-6') ?? '', /262144 bytes/);
    assert.match(reasonOf('b-7') ?? '', /64 levels/);
    assert.match(reasonOf('b-8') ?? '', /RFC 3339/);
    assert.ok(shown.every(({ event, source }) => event!.length <= 1_001 && source === 'web'));
    assert.doesNotMatch(JSON.stringify(shown), /secret/);
    assert.deepEqual(await rejected('?source=other'), []);
    const other = await api().get('/v1/rejected-events', await api().token({ tenant: 'DL' }));
    assert.deepEqual(other.body, { events: [] });
  });

  it('makes ids of those that have none: the same again where the event says when it was', async () => {
    const count = (): number =>
      api()
        .events()
        .filter(({ subject }) => subject === 'no-id').length;
    const timed = JSON.stringify({ event: 'X', userId: 'no-id', timestamp: TIME });
    await assertTaken(await send('/v1/track', timed));
    await assertTaken(await send('/v1/track', timed));
    assert.equal(count(), 1);
    await assertTaken(await send('/v1/page', timed));
    assert.equal(count(), 2);
    const timeless = JSON.stringify({ event: 'X', userId: 'no-id' });
    await assertTaken(await send('/v1/track', timeless));
    await assertTaken(await send('/v1/track', timeless));
    assert.equal(count(), 4);
  });

  it('takes 2,500 events of a large batch, and not one more', async () => {
    const id = newId();
    const batchOf = (count: number): string =>
      JSON.stringify({
        context: { library: { name: 'l' } },
        batch: Array.from({ length: count }, (_, n) => ({
          ...TRACK,
          messageId: `${id}-${n}`,
          userId: id,
          properties: { text: 'x'.repeat(600) },
        })),
      });
    await assertTaken(await send('/v1/batch', batchOf(2_500)));
    const rows = api()
      .events()
      .filter(({ subject }) => subject === id);
    assert.deepEqual(
      rows.map((row) => row.id),
      Array.from({ length: 2_500 }, (_, n) => `${id}-${n}`),
    );
    const refused = await send('/v1/batch', batchOf(3_000));
    assert.deepEqual([refused.status, refused.body.code], [413, 'BODY_TOO_LARGE']);
    assert.equal(typeof refused.body.message, 'string');
  });

  it('is nothing done by an empty batch', async () => {
    await assertTaken(await send('/v1/batch', '{"batch":[]}'));
  });

  for (const [what, body] of [
    ['no JSON', 'x=1'],
    ['nothing', ''],
    ['an array', '[]'],
    ['null', 'null'],
    ['a batch that is none', '{"batch":{}}'],
    ['a batch that ends early', '{"batch":[{"type":"page"}'],
    ['an event that is no JSON', '{"batch":[{"type":"page"},{type:"page"}]}'],
    ['a context that is no JSON', '{"context":{x},"batch":[{"type":"page"}]}'],
    ['what is not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
  ] as const)
    it(`refuses ${what}, with a code and a message`, async () => {
      const { status, body: problem, headers } = await send('/v1/batch', body);
      assert.deepEqual([status, problem.code], [400, 'BODY_MALFORMED']);
      assert.equal(problem.message, problem.detail);
      assert.equal(headers.get('access-control-allow-origin'), '*');
      assert.match(headers.get('access-control-expose-headers') ?? '', /Retry-After/);
    });

  it('refuses a context that each of many events would get', async () => {
    const context = { text: 'x'.repeat(20_000) };
    const { status } = await send('/v1/batch', JSON.stringify({ context, batch: [TRACK] }));
    assert.equal(status, 413);
    await assertTaken(await send('/v1/track', JSON.stringify({ ...TRACK, context })));
  });

  describe('keys', () => {
    const page = (messageId: string, more: object = {}): string =>
      JSON.stringify({ messageId, userId: 'u', ...more });

    it('are taken from Basic before the query, from that before X-Write-Key, and from there before the body', async () => {
      const body = { writeKey: 'delta' };
      for (const [path, headers] of [
        ['/v1/page?writeKey=delta', { ...basic(KEY), 'x-write-key': 'delta' }],
        [`/v1/page?writeKey=${encodeURIComponent(KEY)}`, { 'x-write-key': 'delta' }],
        ['/v1/page', { 'x-write-key': KEY }],
      ] as const) {
        const id = newId();
        await assertTaken(await send(path, page(id, body), headers));
        assert.equal(rowsOf(id).length, 1);
        assert.equal(rowsOf(id, 'DL').length, 0);
      }
      const id = newId();
      await assertTaken(await send('/v1/page', page(id, body), {}));
      assert.equal(rowsOf(id, 'DL').length, 1);
    });

    it('are of their own tenant, whatever else is said', async () => {
      const id = newId();
      const { status, body } = await send('/v1/page', page(id), {
        ...basic('delta'),
        'headgate-tenant': 'UA',
      });
      assert.deepEqual([status, body.code], [403, 'TENANT_OUT_OF_REACH']);
      await assertTaken(await send('/v1/page', page(id, { tenant: 'UA' }), basic('delta')));
      assert.equal(rowsOf(id).length, 0);
    });

    it('of a tenant that is suspended or not there are refused', async () => {
      for (const [key, code] of [
        ['suspended', 'TENANT_SUSPENDED'],
        ['unconfigured', 'TENANT_UNKNOWN'],
      ] as const) {
        const { status, body } = await send('/v1/page', page(newId()), basic(key));
        assert.deepEqual([status, body.code, typeof body.message], [403, code, 'string']);
      }
    });

    for (const [what, headers, more, code] of [
      ['none', {}, {}, 'TOKEN_MISSING'],
      ['an empty one', basic(''), { writeKey: '' }, 'TOKEN_MISSING'],
      ['one that is masked', {}, { writeKey: 'web:***' }, 'TOKEN_MISSING'],
      ['one that is no text', {}, { writeKey: { a: 1 } }, 'TOKEN_MISSING'],
      ['one that is too long', {}, { writeKey: 'x'.repeat(600) }, 'TOKEN_MISSING'],
      ['an unknown one', basic('nobody'), {}, 'WRITE_KEY_INVALID'],
      ['an unknown one in the body', {}, { writeKey: 'constructor' }, 'WRITE_KEY_INVALID'],
      ['a key deeper in the body', {}, { context: { writeKey: 'plain' } }, 'TOKEN_MISSING'],
      ['a token that is none', { authorization: 'Bearer plain' }, {}, 'TOKEN_INVALID'],
    ] as const)
      it(`401 for ${what}`, async () => {
        const { status, body, headers: got } = await send('/v1/page', page(newId(), more), headers);
        assert.deepEqual([status, body.code, typeof body.message], [401, code, 'string']);
        assert.equal(got.get('access-control-allow-origin'), '*');
      });

    it('that are not known yet are told to come again, in whole seconds', async () => {
      complete = false;
      try {
        for (const [headers, more] of [
          [basic('later'), {}],
          [{}, { writeKey: 'later' }],
        ] as const) {
          const { status, body, headers: got } = await send('/v1/page', page(newId(), more), headers);
          assert.deepEqual([status, body.code], [429, 'WRITE_KEYS_LOADING']);
          assert.match(got.get('retry-after') ?? '', /^\d+$/);
        }
        await assertTaken(await send('/v1/page', page(newId())));
      } finally {
        complete = true;
      }
    });

    it('are good for these routes alone', async () => {
      const { status } = await send('/v1/events', page(newId()), { ...basic(KEY), ...JSON_TYPE });
      assert.equal(status, 401);
      assert.equal((await send('/v1/rejected-events', undefined, basic(KEY), 'GET')).status, 401);
    });

    it('hold to the origins and types of their source', async () => {
      for (const origin of [
        'https://shop.example.evil',
        'http://shop.example',
        'null',
        'https://SHOP.example',
      ]) {
        const { status, body, headers } = await send('/v1/page', page(newId()), { ...basic('page'), origin });
        assert.deepEqual([status, body.code], [403, 'ORIGIN_NOT_ALLOWED'], origin);
        assert.equal(headers.get('access-control-allow-origin'), '*');
      }
      const allowed = { ...basic('page'), origin: 'https://shop.example' };
      await assertTaken(await send('/v1/page', page(newId()), allowed));
      await assertTaken(await send('/v1/page', page(newId()), basic('page')));
      const [good, other] = [newId(), newId()];
      const batch = [
        { type: 'track', event: 'Order Sent', messageId: good },
        { type: 'track', event: 'Sent', messageId: other },
        { type: 'identify', userId: 'u', traits: { a: 1 }, messageId: other },
      ];
      await assertTaken(await send('/v1/batch', JSON.stringify({ batch }), basic('some')));
      assert.equal(rowsOf(good).length, 1);
      assert.equal(rowsOf(other).length + profilesOf(other).length, 0);
      assert.deepEqual(
        (await rejected('?source=some')).map(({ code, id }) => [code, id]),
        [
          ['type_not_allowed', other],
          ['type_not_allowed', other],
        ],
      );
    });

    it('a token of the tenant is as good, for what its scopes allow', async () => {
      const [event, profile] = [newId(), newId()];
      const token = await api().token({ scope: 'events:write' });
      const batch = [
        { type: 'page', messageId: event },
        { type: 'identify', messageId: profile, userId: 'u', traits: { a: 1 } },
      ];
      const headers = { authorization: `Bearer ${token}` };
      await assertTaken(await send('/v1/batch', JSON.stringify({ batch }), headers));
      assert.equal(rowsOf(event)[0]?.source, '/analytics');
      assert.equal(rowsOf(profile).length + profilesOf(profile).length, 0);
      const whole = { authorization: `Bearer ${await api().token()}` };
      await assertTaken(await send('/v1/batch', JSON.stringify({ batch }), whole));
      assert.equal(profilesOf(profile).length, 1);
    });
  });

  describe('browsers', () => {
    it('may send whatever headers they ask for, from every origin, to these paths alone', async () => {
      for (const path of [
        '/v1/t',
        '/v1/batch/',
        '//v1/import/',
        '/sourceConfig/',
        '/v1/projects/k/settings',
      ]) {
        const asked = 'authorization,x-retry-count,anonymousid';
        const { status, headers } = await send(
          path,
          undefined,
          {
            origin: 'https://x.example',
            'access-control-request-method': 'POST',
            'access-control-request-headers': asked,
          },
          'OPTIONS',
        );
        assert.equal(status, 204);
        assert.equal(headers.get('access-control-allow-origin'), '*');
        assert.equal(headers.get('access-control-allow-headers'), asked);
        assert.match(headers.get('access-control-allow-methods') ?? '', /POST, GET/);
        assert.ok(Number(headers.get('access-control-max-age')) > 0);
      }
      const unasked = await send('/v1/t', undefined, { 'access-control-request-method': 'POST' }, 'OPTIONS');
      for (const name of ['authorization', 'content-type', 'x-retry-count', 'sentat', 'rsa-retry-attempt'])
        assert.ok(unasked.headers.get('access-control-allow-headers')?.includes(name), name);
      const other = await fetch(`${api().url}/v1/events`, { method: 'OPTIONS' });
      assert.equal(other.headers.get('access-control-allow-origin'), null);
    });

    it('get the settings without which they send nothing', async () => {
      for (const path of ['/v1/projects/web%3A3f9c/settings', '/v1/projects/web:3f9c/settings/']) {
        const { status, body, headers } = await send(path, undefined, {}, 'GET');
        assert.deepEqual([status, body], [200, { integrations: { 'Segment.io': { apiKey: KEY } } }]);
        assert.equal(headers.get('access-control-allow-origin'), '*');
      }
      const path = '/sourceConfig/?p=web&v=3&build=modern&writeKey=plain';
      const { status, body } = await send(path, undefined, basic('plain'), 'GET');
      assert.equal(status, 200);
      const { source } = body as { source: Record<string, unknown> };
      assert.deepEqual([source.config, source.destinations], [{}, []]);
    });
  });
});
