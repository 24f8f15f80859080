import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { cloudEvent, startTestApi, type TestApi } from '../support/api.js';
import { until } from '../support/until.js';

describe('a client that closes its side of the connection after its request', () => {
  let api: TestApi;
  before(async () => {
    api = await startTestApi({ refusedTokensPerMinute: 0 });
  });
  after(async () => {
    await api.close();
    assert.deepEqual(api.faults, []);
  });

  /** What it is answered until the server closes the other side. */
  function answerTo(sent: string): Promise<string> {
    return new Promise((resolve, reject) => {
      let said = '';
      connect({ port: Number(new URL(api.url).port), host: '127.0.0.1', allowHalfOpen: true })
        .on('data', (chunk: Buffer) => (said += chunk.toString()))
        .once('end', () => resolve(said))
        .once('error', reject)
        .end(sent);
    });
  }

  async function post(body: string, { length = body.length } = {}): Promise<string> {
    const head = [
      'POST /v1/events HTTP/1.1',
      'Host: x',
      `Authorization: Bearer ${await api.token()}`,
      'Content-Type: application/json',
      `Content-Length: ${length}`,
    ];
    return `${head.join('\r\n')}\r\n\r\n${body}`;
  }

  it('is answered, and the connection is closed', async () => {
    const answer = await answerTo(await post(JSON.stringify(cloudEvent('half-closed'))));
    assert.match(answer, /^HTTP\/1.1 202 [^]*"accepted":1/);
    await until(() => assert.equal(api.events().length, 1), 10_000);
  });

  it('is answered each of several requests that it has sent at once', async () => {
    const [one, two] = [
      await post(JSON.stringify(cloudEvent('one'))),
      await post(JSON.stringify(cloudEvent('two'))),
    ];
    assert.equal((await answerTo(one + two)).match(/HTTP\/1.1 202 /g)?.length, 2);
  });

  it('in the middle of a body takes nothing, and holds nothing', async () => {
    const answer = await answerTo(await post('{"spec', { length: 1_000 }));
    assert.match(answer, /^HTTP\/1.1 400 /);
    assert.equal(api.ingress.admission.inFlightBytes, 0);
  });

  it('is not kept waiting for a refusal, which nobody may be there to read', async () => {
    const answer = await answerTo(
      'GET /v1/retention HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer no\r\n\r\n',
    );
    assert.match(answer, /^HTTP\/1.1 429 /);
  }).timeout(900);
});
