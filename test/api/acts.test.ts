import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Entry } from '../../src/audit-log/entry.js';
import { auditLogPlaces } from '../../src/audit-log/files.js';
import { verifyAuditLog } from '../../src/audit-log/verify.js';
import { HeadgateError } from '../../src/errors.js';
import type { SubscriptionServices } from '../../src/api/routes/subscriptions.js';
import { cloudEvent, startTestApi, type TestApi } from '../support/api.js';
import { printedSeed, Random } from '../support/random.js';

const SCOPES = 'admin';

/** Of a tenant that has the subscription `crm`. */
const SUBSCRIPTIONS: SubscriptionServices['subscriptions'] = {
  control: {
    change: (_tenant, name, { to, by, reason }) =>
      name === 'crm'
        ? Promise.resolve({ state: to, by, reason, since: '2026-03-10T12:00:00.000Z' } as never)
        : Promise.reject(new HeadgateError('NOT_FOUND', 'There is no such subscription.')),
  },
  overviews: {
    asking: (ask) => ask(),
    list: () => Promise.resolve([]),
    show: () => Promise.reject(new Error('no')),
  },
  sendTestEvent: () => Promise.reject(new Error('no')),
};

describe('what the API is asked, in the audit log', () => {
  let api: TestApi;

  beforeEach(async () => {
    api = await startTestApi({ subscriptions: SUBSCRIPTIONS });
  });
  afterEach(async () => {
    await api.close();
  });

  const told = ({ act, kind, tenant, subject, role, outcome, code, params, reason, count }: Entry) =>
    JSON.parse(
      JSON.stringify({ act, kind, tenant, subject, role, outcome, code, params, reason, count }),
    ) as unknown;
  const ada = (tenant = 'UA') => api.token({ tenant, subject: 'ada@example.com', scope: SCOPES });
  const pause = async (name = 'crm', body: unknown = { reason: 'maintenance' }) =>
    api.post(JSON.stringify(body), { path: `/v1/subscriptions/${name}/pause`, token: await ada() });

  it('has a change when it is answered: who, what, of which tenant, from where and why', async () => {
    await pause();
    const files = readdirSync(auditLogPlaces(api.dir).directory).filter((name) => name.endsWith('.ndjson'));
    const [line = ''] = readFileSync(join(auditLogPlaces(api.dir).directory, files[0]!), 'utf8').split('\n');
    const entry = JSON.parse(line) as Entry;
    assert.deepEqual(told(entry), {
      act: 'pauseSubscription',
      kind: 'changes',
      tenant: 'UA',
      subject: 'ada@example.com',
      role: 'tenant',
      outcome: 'ok',
      params: { name: 'crm' },
      reason: 'maintenance',
    });
    assert.equal(entry.address, '127.0.0.1');
  });

  it('has reads, each up to a number in a minute, and counts the rest', async () => {
    await api.post(JSON.stringify(cloudEvent('p', { data: { seats: 1 } })), { path: '/v1/user-properties' });
    const token = await ada();
    for (let asked = 0; asked < 70; asked++) await api.get('/v1/eligibility/s1', token);
    const entries = await api.audited();
    assert.equal(entries.length, 62);
    assert.deepEqual(told(entries[0]!), {
      act: 'getEligibility',
      kind: 'reads',
      tenant: 'UA',
      subject: 'ada@example.com',
      role: 'tenant',
      outcome: 'ok',
      params: { subject: 's1' },
    });
    const { count, params, since } = entries.at(-1)!;
    assert.deepEqual([count, params], [10, undefined]);
    assert.ok(since !== undefined && since <= entries.at(-1)!.at);
  });

  it('counts what is sent and consumed, by token and route', async () => {
    for (let sent = 0; sent < 5; sent++) await api.post(JSON.stringify(cloudEvent(`e${sent}`)));
    await api.post('nonsense');
    await api.post('{}', { path: '/v1/subscriptions/crm/pull' });
    assert.deepEqual(
      (await api.audited()).map(({ act, outcome, code, count }) => [act, outcome, code, count]),
      [
        ['sendEvents', 'ok', undefined, 5],
        ['sendEvents', 'refused', 'BODY_MALFORMED', 1],
        ['pull', 'refused', 'NOT_FOUND', 1],
      ],
    );
  });

  it('has what was refused, sampled and counted', async () => {
    const token = await api.token({ subject: 'eve', scope: 'events:write' });
    const path = '/v1/subscriptions/crm/pause';
    for (let asked = 0; asked < 30; asked++) await api.post('{}', { path, token });
    await pause('none');
    const entries = await api.audited();
    const of = (subject: string) => entries.filter((entry) => entry.subject === subject);
    assert.equal(of('eve').length, 21);
    assert.deepEqual([of('eve')[0]!.code, of('eve').at(-1)!.count], ['SCOPE_MISSING', 10]);
    assert.deepEqual(
      of('ada@example.com').map(({ code, outcome }) => [code, outcome]),
      [['NOT_FOUND', 'refused']],
    );
  });

  it('has requests without a good token, one for an address and a reason, and how many more', async () => {
    for (let asked = 0; asked < 5; asked++) await api.get('/v1/eligibility/c-8', null);
    await api.get('/v1/eligibility/c-8', 'nonsense');
    assert.deepEqual(
      (await api.audited()).map(({ role, code, count, tenant }) => [role, code, count, tenant]),
      [
        ['unknown', 'TOKEN_MISSING', undefined, undefined],
        ['unknown', 'TOKEN_INVALID', undefined, undefined],
        ['unknown', 'TOKEN_MISSING', 4, undefined],
      ],
    );
  });

  it('never has a token, a body, or a query', async () => {
    const secret = 'hunter2-hunter2';
    const token = await ada();
    await api.get(`/v1/dead-letters?type=${secret}`, token);
    await api.post(JSON.stringify(cloudEvent('e1', { data: { secret } })), { token });
    await pause('crm', { reason: 'x', more: secret });
    await api.audited();
    const { directory } = auditLogPlaces(api.dir);
    const text = readdirSync(directory)
      .map((name) => readFileSync(join(directory, name), 'utf8'))
      .join('');
    assert.ok(text.includes('listDeadLetters'));
    for (const never of [secret, token, token.split('.')[2]!]) assert.ok(!text.includes(never));
  });

  it('gives a tenant what was done in it, and nothing of another', async () => {
    await pause();
    await api.get('/v1/eligibility/dl-1', await api.token({ tenant: 'DL', subject: 'bob', scope: SCOPES }));
    await api.audited();
    const seen = async (query: string, claims: Parameters<TestApi['token']>[0] = {}): Promise<Entry[]> => {
      const answer = await api.get(`/v1/audit-log${query}`, await api.token({ scope: SCOPES, ...claims }));
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      return (answer.body as unknown as { entries: Entry[] }).entries;
    };
    const names = (entries: readonly Entry[]) => entries.map(({ tenant, act }) => `${tenant} ${act}`);
    assert.deepEqual(names(await seen('')), ['UA pauseSubscription']);
    assert.deepEqual(names(await seen('', { tenant: 'DL' })), ['DL getEligibility']);
    assert.deepEqual(await seen('?act=getEligibility&subject=bob'), []);
    assert.deepEqual(await seen('?to=2020-01-01T00:00:00Z'), []);
    const operator = { tenant: undefined, role: 'operator' } as const;
    assert.deepEqual(names(await seen('?limit=2', operator)), ['UA pauseSubscription', 'DL getEligibility']);
    assert.deepEqual(names(await seen('?limit=1', { ...operator, tenants: ['DL'] })), ['DL getEligibility']);
    const [entry] = await seen('');
    assert.deepEqual([entry!.seq, entry!.previous, entry!.hash], [undefined, undefined, undefined]);
  });

  it('goes on by page, with tokens that are good for one tenant and query alone', async () => {
    for (let asked = 0; asked < 5; asked++) await pause();
    const page = async (query: string, tenant = 'UA') => {
      const answer = await api.get(
        `/v1/audit-log?${query}`,
        await api.token({ tenant, scope: 'audit-log:read' }),
      );
      const body = answer.body as unknown as { entries?: Entry[]; nextPageToken?: string; code?: string };
      return { ...body, count: body.entries?.length };
    };
    const first = await page('limit=2&act=pauseSubscription');
    const next = encodeURIComponent(first.nextPageToken ?? '');
    const second = await page(`limit=3&act=pauseSubscription&pageToken=${next}`);
    assert.deepEqual([first.count, second.count], [2, 3]);
    assert.equal(new Set([...first.entries!, ...second.entries!].map(({ at }) => at)).size > 0, true);
    for (const [query, tenant] of [
      [`pageToken=${next}`, 'UA'],
      [`act=pauseSubscription&pageToken=${next}`, 'DL'],
      [`act=pauseSubscription&pageToken=${next}A`, 'UA'],
      ['pageToken=x', 'UA'],
    ] as const)
      assert.equal((await page(query, tenant)).code, 'PAGE_TOKEN_INVALID', query);
    assert.equal((await page('from=2026-13-01T00:00:00Z')).code, 'PARAMETER_INVALID');
  });

  it('is a line for an act, whatever is in a path, a header or a reason', async () => {
    const random = new Random(printedSeed('hostile texts'));
    const characters = [
      '\n',
      '\r',
      '"',
      '\\',
      '\0',
      '\u2028',
      '\u202e',
      '\u009b',
      '\ud800',
      'é',
      '\u{1f600}',
      '{',
      '}',
      ',',
      'a',
    ];
    const hostile = (): string =>
      Array.from({ length: Math.ceil(random.between(1, 400)) }, () => random.oneOf(characters)).join('');
    const token = await ada();
    const texts = Array.from({ length: 60 }, hostile);
    let changed = 0;
    for (const text of texts) {
      const name = encodeURIComponent(text.toWellFormed());
      // What HTTP lets through in a header.
      const forwarded = text.replace(/[^\t\x20-\x7e\x80-\xff]/g, '?').trim();
      const path = `/v1/subscriptions/${name}/pause`;
      await api.post(JSON.stringify({ reason: text }), {
        path,
        token,
        headers: { 'x-forwarded-for': forwarded },
      });
      const answer = await api.post(JSON.stringify({ reason: text.slice(0, 200) }), {
        path: '/v1/subscriptions/crm/pause',
        token,
      });
      if (answer.status === 200) changed++;
    }
    const entries = await api.audited();
    const changes = entries.filter(({ outcome }) => outcome === 'ok');
    assert.ok(changed >= 10);
    assert.equal(changes.length, changed);
    const { directory } = auditLogPlaces(api.dir);
    const [name = ''] = readdirSync(directory).filter((each) => each.endsWith('.ndjson'));
    const text = readFileSync(join(directory, name), 'utf8');
    assert.equal(text.split('\n').length - 1, entries.length);
    assert.doesNotMatch(text, /[\0-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/);
    assert.ok(entries.every((entry) => JSON.stringify(entry).length < 3_000));
    assert.deepEqual(
      (await verifyAuditLog(auditLogPlaces(api.dir))).problems.filter((each) => !/signed head/.test(each)),
      [],
    );
  });
});
