import assert from 'node:assert/strict';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import ipaddr from 'ipaddr.js';
import { createGuardedConnector } from '../../../src/activities/push/address-guard.js';
import {
  createPoster,
  retryAfterOf,
  type Poster,
  type PushOutcome,
} from '../../../src/activities/push/post.js';
import { HeadgateError } from '../../../src/errors.js';
import { gate } from '../../support/gate.js';
import { startReceiver, type WebhookReceiver } from '../../support/webhook-receiver.js';

const connect = createGuardedConnector({ allow: [ipaddr.parseCIDR('127.0.0.0/8')], connectTimeoutMs: 2_000 });
const TIMEOUT_MS = 10_000;

let allowed = true;
const refusing = createGuardedConnector({ allow: [], connectTimeoutMs: 2_000 });
const guarded: typeof connect = (target, callback) => (allowed ? connect : refusing)(target, callback);

describe('posting to a webhook', () => {
  let receiver: WebhookReceiver;
  let poster: Poster;

  beforeEach(async () => {
    receiver = await startReceiver();
    poster = createPoster({ url: receiver.url, connections: 2, connect });
  });
  afterEach(async () => {
    await receiver.stop();
    await poster.close();
  });

  const post = (body = '{}', timeoutMs = TIMEOUT_MS): Promise<PushOutcome> =>
    poster.post({ 'content-type': 'application/json' }, body, timeoutMs);

  function is(outcome: PushOutcome, expected: Partial<PushOutcome>): void {
    const { ms, ...rest } = outcome;
    assert.ok(ms >= 0);
    assert.deepEqual(rest, { body: '', gone: false, ok: false, ...expected });
  }

  it('posts the body to path and query, and takes any 2xx for success', async () => {
    for (const status of [200, 201, 202, 204]) {
      receiver.answer = () => status;
      is(await post('{"a":"ü"}'), { ok: true, status });
    }
    const { path, body, headers } = receiver.requests[0]!;
    assert.deepEqual([path, body, headers['content-type']], ['/hook?v=1', '{"a":"ü"}', 'application/json']);
  });

  it('uses its connections again', async () => {
    for (let count = 0; count < 10; count++) await post();
    assert.ok(receiver.connections() <= 2);
  });

  it('has no more connections than it may', async () => {
    const open = gate();
    receiver.answer = async () => {
      await open.passed;
      return 200;
    };
    const posts = Array.from({ length: 6 }, () => post());
    while (receiver.requests.length < 2) await new Promise(setImmediate);
    open.open();
    for (const outcome of await Promise.all(posts)) assert.ok(outcome.ok);
    assert.equal(receiver.connections(), 2);
  });

  it('tells a status that is none', async () => {
    const errors: Record<number, string> = {
      301: 'HTTP 301 Moved Permanently: redirects are not followed',
      400: 'HTTP 400 Bad Request',
      404: 'HTTP 404 Not Found',
      500: 'HTTP 500 Internal Server Error',
      599: 'HTTP 599',
    };
    for (const [status, error] of Object.entries(errors)) {
      receiver.answer = () => Number(status);
      is(await post(), { status: Number(status), error });
    }
  });

  it('tells that a receiver wants no more', async () => {
    receiver.answer = () => 410;
    is(await post(), { status: 410, error: 'HTTP 410 Gone', gone: true });
  });

  it('keeps the first 16 KB of an answer, and the connection while the rest is short', async () => {
    const text = 'é'.repeat(20_000);
    receiver.answer = (_request, response) => void response.writeHead(500).end(text);
    const { body } = await post();
    assert.equal(body, 'é'.repeat(8 * 1024));
    receiver.answer = (_request, response) => void response.writeHead(500).end(`x${text}`);
    assert.equal((await post()).body, `x${'é'.repeat(8 * 1024 - 1)}`, 'half a character is left out');
    for (let count = 0; count < 8; count++) await post();
    assert.ok(receiver.connections() <= 2);
  });

  it('does not wait for an answer without end, and goes on by another connection', async () => {
    const closed = gate();
    receiver.answer = (_request, response) => {
      response.writeHead(500);
      const more = (): void =>
        void response.write('x'.repeat(64 * 1024), () => !response.destroyed && setImmediate(more));
      response.on('close', () => closed.open());
      more();
    };
    const outcome = await post();
    assert.deepEqual([outcome.status, outcome.body.length], [500, 16 * 1024]);
    await closed.passed;
    receiver.answer = () => 200;
    assert.ok((await post()).ok);
  });

  it('times out when no answer comes, and says of a stalled one what its status was', async () => {
    receiver.answer = () => undefined;
    is(await post('{}', 100), { error: 'timeout' });
    receiver.answer = (_request, response) => void response.writeHead(200).write('begun');
    is(await post('{}', 300), { ok: true, status: 200, body: 'begun' });
    receiver.answer = (_request, response) => void response.writeHead(502).write('begun');
    is(await post('{}', 300), { status: 502, error: 'HTTP 502 Bad Gateway', body: 'begun' });
    receiver.answer = () => 200;
    assert.ok((await post()).ok);
  });

  it('tells what Retry-After asks for', async () => {
    receiver.answer = (_request, response) => void response.writeHead(429, { 'retry-after': '7' }).end();
    is(await post(), { status: 429, error: 'HTTP 429 Too Many Requests', retryAfterMs: 7_000 });
  });

  it('does not throw for headers that cannot be sent', async () => {
    const outcome = await poster.post({ 'x-bad': 'a\r\nb' }, '{}', TIMEOUT_MS);
    assert.equal(outcome.error, 'invalid header or address');
    assert.ok((await post()).ok);
  });

  describe('to what is no HTTP server', () => {
    let server: Server;
    let onConnection: (socket: Socket) => void;

    beforeEach(async () => {
      server = createServer((socket) => {
        socket.on('error', () => undefined);
        onConnection(socket);
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      await poster.close();
      poster = createPoster({ url: `http://127.0.0.1:${portOf(server)}/`, connections: 1, connect });
    });
    afterEach(() => void server.close());

    it('tells a connection that is closed', async () => {
      onConnection = (socket) => socket.once('data', () => socket.destroy());
      is(await post(), { error: 'connection closed' });
    });

    describe('but answers 100 Continue unasked', () => {
      const final = (status: string, body = '') =>
        `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 ${status}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
      let answer: string;
      let [requests, connections] = [0, 0];
      let last = '';

      beforeEach(() => {
        [answer, requests, connections] = [final('200 OK', 'taken'), 0, 0];
        onConnection = (socket) => {
          connections++;
          socket.on('data', (data: Buffer) => {
            if (data.includes('POST ')) requests++;
            last = data.toString();
            if (last.endsWith('{}')) socket.write(answer);
          });
        };
      });

      it('takes the answer behind it: only the first request is sent twice', async () => {
        is(await post(), { ok: true, status: 200, body: 'taken' });
        assert.equal(requests, 2);
        answer = final('503 Service Unavailable', 'full');
        const refused = { status: 503, error: 'HTTP 503 Service Unavailable', body: 'full' };
        for (let count = 0; count < 3; count++) is(await post(), refused);
        assert.deepEqual([requests, connections], [5, 2], 'a connection is used again');
        assert.match(last, /content-type: application\/json\r\n/);
      });

      it('tells what goes wrong, as of any other', async () => {
        await post();
        answer = 'SSH-2.0-OpenSSH_9.2\r\n';
        is(await post(), { error: 'malformed answer' });
        answer = '';
        is(await post('{}', 100), { error: 'timeout' });
        onConnection = (socket) => socket.once('data', () => socket.destroy());
        is(await post(), { error: 'connection closed' });
      });

      it('is refused an address that may not be connected to', async () => {
        await post();
        const open = createPoster({
          url: `http://127.0.0.1:${portOf(server)}/`,
          connections: 1,
          connect: guarded,
        });
        await open.post({}, '{}', TIMEOUT_MS);
        allowed = false;
        answer = 'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n';
        assert.ok((await open.post({}, '{}', TIMEOUT_MS)).ok);
        const { error = '' } = await open.post({}, '{}', TIMEOUT_MS);
        assert.match(error, /^address refused: /);
        await open.close();
      });
    });

    it('tells an answer that is malformed', async () => {
      onConnection = (socket) => socket.once('data', () => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
      is(await post(), { error: 'malformed answer' });
    });

    it('tells an answer whose Content-Length is there twice', async () => {
      const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok';
      onConnection = (socket) => socket.once('data', () => socket.end(answer));
      is(await post(), { error: 'malformed answer: its Content-Length is wrong, or there twice' });
    });

    it('tells a connection that is refused', async () => {
      server.close();
      await once(server, 'close');
      is(await post(), { error: 'connection refused' });
    });

    it('tells that there is no TLS', async () => {
      await poster.close();
      poster = createPoster({ url: `https://127.0.0.1:${portOf(server)}/`, connections: 1, connect });
      onConnection = (socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
      const { ok, error = '' } = await post();
      assert.ok(!ok);
      assert.match(error, /^TLS: /);
    });
  });
});

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

describe('a webhook without an address', () => {
  it('is refused with a code', () => {
    assert.throws(
      () => createPoster({ url: 'https://[broken/', connections: 1, connect }),
      (error) => error instanceof HeadgateError && error.code === 'TENANT_CONFIG_INVALID' && error.retryable,
    );
  });
});

describe('Retry-After', () => {
  const NOW = Date.parse('2024-03-10T12:00:00Z');
  const cases: [string | undefined, number | undefined][] = [
    ['0', 0],
    ['120', 120_000],
    ['86400', 3_600_000],
    ['Sun, 10 Mar 2024 12:00:30 GMT', 30_000],
    ['Sun, 10 Mar 2024 11:00:00 GMT', 0],
    ['Mon, 11 Mar 2024 12:00:00 GMT', 3_600_000],
    ['soon', undefined],
    ['-5', undefined],
    ['', undefined],
    [undefined, undefined],
  ];
  for (const [header, expected] of cases)
    it(`${header ?? 'none'} is ${expected ?? 'nothing'}`, () =>
      assert.equal(retryAfterOf(header, NOW), expected));
});
