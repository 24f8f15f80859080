import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { request as httpRequest, type OutgoingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { cloudEvent, startTestApi, type TestApi } from '../support/api.js';
import { until } from '../support/until.js';

const MB = 1_000_000;

interface Answer {
  readonly status: number;
  readonly code?: string;
  readonly accepted?: number;
}

describe('the body of a request', () => {
  let api: TestApi;
  let authorization: string;

  before(async () => {
    api = await startTestApi();
    authorization = `Bearer ${await api.token()}`;
  });
  after(async () => {
    await api.close();
    assert.deepEqual(api.faults, []);
  });

  /** Sends pieces one after another over a connection of its own, and goes on sending whatever the server says. */
  function send(
    pieces: Iterable<Buffer>,
    headers: OutgoingHttpHeaders = {},
    path = '/v1/events',
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const request = httpRequest(`${api.url}${path}`, {
        method: 'POST',
        agent: false,
        headers: { authorization, 'content-type': 'application/json', ...headers },
      });
      request.once('error', reject);
      request.once('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          const body = JSON.parse(Buffer.concat(chunks).toString()) as Answer;
          resolve({ ...body, status: response.statusCode ?? 0 });
        });
      });
      void (async () => {
        for (const piece of pieces) {
          if (!request.write(piece)) await new Promise((drained) => request.once('drain', drained));
        }
        request.end();
      })();
    });
  }

  function* megabytes(count: number): Iterable<Buffer> {
    const piece = Buffer.alloc(MB, ' ');
    for (let n = 0; n < count; n++) yield piece;
  }

  async function assertStillWorks(): Promise<void> {
    const id = randomBytes(8).toString('hex');
    assert.equal((await api.post(JSON.stringify(cloudEvent(id)))).body.accepted, 1);
  }

  const tooLarge = { status: 413, code: 'BODY_TOO_LARGE' };
  const pick = ({ status, code }: Answer): object => ({ status, code });

  it('of 50 MB with Content-Length is refused with an answer the client gets to read', async () => {
    assert.deepEqual(pick(await send(megabytes(50), { 'content-length': 50 * MB })), tooLarge);
    await assertStillWorks();
  });

  it('of 50 MB in chunks is refused with an answer the client gets to read', async () => {
    assert.deepEqual(pick(await send(megabytes(50), { 'transfer-encoding': 'chunked' })), tooLarge);
    await assertStillWorks();
  });

  for (const [name, headers, path, status] of [
    ['a token that is none of ours', { authorization: 'Bearer x' }, '/v1/events', 401],
    ['an unknown path', {}, '/v1/nothing', 404],
    ['an unknown content type', { 'content-type': 'text/plain' }, '/v1/events', 415],
    ['an unknown encoding', { 'content-encoding': 'br' }, '/v1/events', 415],
  ] as const) {
    it(`of 3 MB with ${name} does not keep the client from reading the ${status}`, async () => {
      assert.equal((await send(megabytes(3), headers, path)).status, status);
    });
  }

  it('may have 4 MB, inflated, and not a byte more', async () => {
    const event = JSON.stringify(cloudEvent('at-the-limit'));
    const just = Buffer.from(event + ' '.repeat(4 * MB - event.length));
    assert.equal((await send([just])).accepted, 1);
    assert.deepEqual(pick(await send([just, Buffer.from(' ')])), tooLarge);
    const more = Buffer.concat([just, Buffer.from(' ')]);
    assert.deepEqual(pick(await send([gzipSync(more)], { 'content-encoding': 'gzip' })), tooLarge);
  });

  it('that is a gzip bomb of 2 GB is refused without being inflated', async function () {
    this.timeout(20_000);
    const bomb = gzipSync(Buffer.alloc(10 * MB), { level: 9 });
    const bombs = Array.from({ length: 200 }, () => bomb);
    const before = process.memoryUsage();
    let peak = 0;
    const watching = setInterval(() => {
      const { rss } = process.memoryUsage();
      peak = Math.max(peak, rss - before.rss);
    }, 5);
    assert.deepEqual(pick(await send(bombs, { 'content-encoding': 'gzip' })), tooLarge);
    clearInterval(watching);
    assert.ok(peak < 100 * MB, `it took ${peak / MB} MB`);
    await assertStillWorks();
  });

  const zipped = gzipSync(JSON.stringify(cloudEvent('zipped', { data: randomBytes(2_000).toString('hex') })));
  const broken: [name: string, body: Buffer][] = [
    ['cut short', zipped.subarray(0, 1_000)],
    ['cut before its checksum', zipped.subarray(0, -8)],
    ['of which a byte is changed', Buffer.from(zipped.map((byte, at) => (at === 500 ? byte ^ 0xff : byte)))],
    [
      'with a wrong checksum',
      Buffer.from(zipped.map((byte, at) => (at === zipped.length - 5 ? byte ^ 0xff : byte))),
    ],
    ['that is plain JSON', Buffer.from(JSON.stringify(cloudEvent('plain')))],
    ['that is empty', Buffer.alloc(0)],
  ];
  for (const [name, body] of broken) {
    it(`in gzip ${name} is refused with 400`, async () => {
      const answer = await send([body], { 'content-encoding': 'gzip' });
      assert.deepEqual(pick(answer), { status: 400, code: 'BODY_MALFORMED' });
    });
  }

  for (const headers of [
    'Content-Length: 1000',
    'Content-Length: 1000\r\nContent-Encoding: gzip',
    'Transfer-Encoding: chunked',
  ]) {
    it(`that is cut off (${headers.replaceAll('\r\n', ', ')}) takes nothing, and harms nobody`, async () => {
      const event = JSON.stringify(cloudEvent(`cut ${headers}`));
      const body = headers.includes('gzip') ? gzipSync(event) : Buffer.from(event);
      const { port } = new URL(api.url);
      const socket = connect(Number(port), '127.0.0.1');
      const head = `POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nContent-Type: application/json\r\n${headers}\r\n\r\n`;
      socket.write(head);
      if (headers.includes('chunked')) socket.write(`${body.length.toString(16)}\r\n`);
      await new Promise((written) => socket.write(body, written));
      socket.destroy();
      await assertStillWorks();
      await api.drained();
      assert.equal(api.events().filter(({ id }) => id.startsWith('cut ')).length, 0);
    });
  }

  it('that comes in single bytes is taken all the same', async () => {
    const bytes = Buffer.from(JSON.stringify(cloudEvent('byte by byte')));
    assert.equal((await send(Array.from(bytes, (byte) => Buffer.from([byte])))).accepted, 1);
  });

  it('announced by "Expect: 100-continue" is asked for', async () => {
    const body = JSON.stringify(cloudEvent('expected'));
    const { port } = new URL(api.url);
    const socket = connect(Number(port), '127.0.0.1');
    let said = '';
    socket.on('data', (chunk: Buffer) => (said += chunk.toString()));
    socket.write(
      `POST /v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\nAuthorization: ${authorization}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    await until(() => assert.match(said, /^HTTP\/1.1 100 /), 2_000);
    socket.write(body);
    await until(() => assert.match(said, /HTTP\/1.1 202 .*"accepted":1/s), 2_000);
    socket.destroy();
  });
});
