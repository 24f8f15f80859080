import assert from 'node:assert/strict';
import { createMetrics } from '../../src/observability/create-metrics.js';
import { RefusedTokens } from '../../src/api/refused-tokens.js';
import { HeadgateError } from '../../src/errors.js';
import { cloudEvent, startTestApi, type TestApi } from '../support/api.js';

describe('requests without a good token', () => {
  const metrics = createMetrics();
  let api: TestApi;

  before(async () => {
    api = await startTestApi({ metrics, refusedTokensPerMinute: 10 });
  });
  after(() => api.close());

  const event = JSON.stringify(cloudEvent('a'));

  it('are counted by reason', async () => {
    const expired = await api.token({ expiresInSeconds: -10 });
    const narrow = await api.token({ scope: 'events:write' });
    await api.post(event, { token: null });
    await api.post(event, { token: 'not.a.token' });
    await api.post(event, { token: expired });
    await api.post(event, { token: await api.token({ tenant: 'nobody' }) });
    await api.get('/v1/retention', narrow);
    const { text } = await metrics.scrape();
    for (const code of ['TOKEN_MISSING', 'TOKEN_INVALID', 'TOKEN_EXPIRED', 'TENANT_UNKNOWN', 'SCOPE_MISSING'])
      assert.match(text, new RegExp(`headgate_refused_tokens_total\\{code="${code}"\\} 1\n`));
  });

  it('are answered 429 when too many come from one address, where good tokens pass all the same', async () => {
    const answers = [];
    for (let n = 0; n < 12; n++) answers.push(await api.post(event, { token: `not.a.token${n}` }));
    const [first, last] = [answers[0]!, answers.at(-1)!];
    assert.deepEqual([first.status, first.body.code], [401, 'TOKEN_INVALID']);
    assert.deepEqual([last.status, last.body.code], [429, 'ADDRESS_RATE_LIMITED']);
    assert.ok(Number(last.headers.get('retry-after')) > 0);
    assert.equal(last.headers.get('connection'), 'close');
    assert.equal((await api.post(event)).status, 202);
    assert.equal((await api.post(event, { token: await api.token({ subject: 'new' }) })).status, 202);
  }).timeout(30_000);
});

describe('the log of refused tokens', () => {
  it('has address and reason, a bounded number of lines, and no token', async () => {
    const lines: object[] = [];
    const log = { warn: (id: string, fields?: object) => void lines.push({ id, ...fields }) };
    let now = 0;
    const refused = new RefusedTokens({ log, now: () => now });
    const error = new HeadgateError('TOKEN_INVALID', 'its signature is wrong');
    const from = (address: string) =>
      refused.refused({ socket: { remoteAddress: address } } as never, error).catch(() => undefined);
    for (let n = 0; n < 200; n++) await from(`192.0.2.${n}`);
    for (let n = 0; n < 50; n++) await from('192.0.2.1');
    assert.equal(lines.length, 20);
    assert.deepEqual(lines[0], {
      id: 'TOKEN_REFUSED',
      address: '192.0.2.0',
      code: 'TOKEN_INVALID',
      reason: 'its signature is wrong',
    });
    now += 60_000;
    await from('192.0.2.1');
    assert.deepEqual(lines.slice(20), [
      { id: 'MORE_TOKENS_REFUSED', requests: 230, addresses: 200 },
      { id: 'TOKEN_REFUSED', address: '192.0.2.1', code: 'TOKEN_INVALID', reason: 'its signature is wrong' },
    ]);
  });

  it('is not written for keys that cannot be fetched, which are no fault of the token', async () => {
    const lines: string[] = [];
    const refused = new RefusedTokens({ log: { warn: (id) => void lines.push(id) } });
    const error = new HeadgateError('ENGINE_UNAVAILABLE', 'The key set could not be read.');
    await assert.rejects(refused.refused({ socket: {} } as never, error), error);
    assert.deepEqual(lines, []);
  });
});
