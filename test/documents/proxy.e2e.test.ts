import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { fetch, type RequestInit } from 'undici';
import { cloudEvent, startTestApi, type TestApi } from '../support/api.js';
import { layWire, type Wire } from '../support/cut-wire.js';
import { codeBlocks } from '../support/documents.js';
import { skipWithoutNginx, startNginx, type Nginx } from '../support/nginx.js';

interface Answer {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly body: { readonly code?: string; readonly accepted?: number };
}

describe('nginx as documented, in front of the API', function () {
  this.timeout(30_000);
  let api: TestApi | undefined;
  let wire: Wire | undefined;
  let nginx: Nginx | undefined;
  let token: string;
  let another: string;

  before(async function () {
    skipWithoutNginx(this);
    const [block] = codeBlocks('docs/how-to/run-in-production.md', 'A proxy');
    assert.equal(block?.language, 'nginx');
    api = await startTestApi({
      limits: { eventsPerSecond: 1_000 },
      bodyPace: { graceMs: 1_000, minBytesPerSecond: 1_000 },
    });
    token = await api.token();
    another = await api.token({ tenant: 'DL' });
    wire = await layWire(Number(new URL(api.url).port));
    nginx = await startNginx(block.text, wire.port);
  });
  after(async () => {
    await nginx?.stop();
    await wire?.close();
    await api?.close();
  });

  async function ask(path: string, init: RequestInit = {}, bearer = token): Promise<Answer> {
    const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/x-ndjson' };
    const { url, agent } = nginx!;
    const answer = await fetch(`${url}${path}`, { headers, dispatcher: agent, ...init });
    const text = await answer.text();
    const isJson = answer.headers.get('content-type')?.includes('json') === true;
    return {
      status: answer.status,
      headers: answer.headers,
      body: (isJson ? JSON.parse(text) : {}) as never,
    };
  }

  const post = (body: RequestInit['body'], bearer = token): Promise<Answer> =>
    ask('/v1/events', { method: 'POST', body, duplex: 'half' }, bearer);

  const lines = (name: string, count: number): string[] =>
    Array.from({ length: count }, (_, index) => `${JSON.stringify(cloudEvent(`${name}${index}`))}\n`);

  it('passes on bodies with a length, and in chunks', async () => {
    const whole = await post(lines('whole', 100).join(''));
    assert.equal(whole.status, 202);
    assert.equal(whole.body.accepted, 100);
    const chunked = await post(Readable.from(lines('chunk', 100)));
    assert.equal(chunked.status, 202);
    assert.equal(chunked.body.accepted, 100);
  });

  it('passes on what Headgate answers before it has read the body', async () => {
    const { status, headers, body } = await post('x'.repeat(8_000_000));
    assert.equal(status, 413);
    assert.equal(body.code, 'BODY_TOO_LARGE');
    assert.ok(headers.get('ratelimit-policy'));
  });

  it('passes on a 429 with the time to wait', async () => {
    const answers = [];
    for (let index = 0; index < 6; index++)
      answers.push(await post(lines(`many${index}-`, 900).join(''), another));
    const refused = answers.find(({ status }) => status === 429);
    assert.ok(refused);
    assert.equal(refused.headers.get('content-type'), 'application/problem+json');
    assert.ok(Number(refused.headers.get('retry-after')) > 0);
  });

  it('passes on the answer to a body that comes too slowly', async () => {
    const endless = new Readable({ read: () => undefined });
    endless.push('{');
    assert.equal((await post(endless)).body.code, 'BODY_TIMEOUT');
    endless.destroy();
  });

  it('keeps its connection to Headgate', async () => {
    const before = wire!.laid();
    for (let index = 0; index < 20; index++) await ask('/v1/eligibility/nobody');
    assert.ok(wire!.laid() - before <= 1);
  });

  it('passes on nothing but the API', async () => {
    for (const path of ['/metrics', '/v1/../metrics', '/v1/..%2fmetrics', '/healthz'])
      assert.equal((await ask(path)).status, 404, path);
  });
});
