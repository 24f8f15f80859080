import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { cloudEvent, startTestApi, type TestApi } from '../support/api.js';
import { until } from '../support/until.js';

/** As in production, but sooner. */
const SOON = {
  connections: {
    headersTimeout: 300,
    requestTimeout: 1_500,
    keepAliveTimeout: 300,
    timeout: 3_000,
    connectionsCheckingInterval: 50,
    maxConnections: 40,
  },
  bodyPace: { graceMs: 300, minBytesPerSecond: 1_000 },
};
const WITHIN_MS = 10_000;

interface Client {
  readonly socket: Socket;
  readonly said: () => string;
  readonly closed: () => boolean;
}

describe('a slow client', () => {
  let api: TestApi;
  let clients: Client[];

  beforeEach(async () => {
    clients = [];
    api = await startTestApi(SOON);
  });
  afterEach(async () => {
    for (const { socket } of clients) socket.destroy();
    await api.close();
    assert.deepEqual(api.faults, []);
  });

  function open(): Client {
    const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
    let said = '';
    let closed = false;
    socket
      .on('data', (chunk: Buffer) => (said += chunk.toString()))
      .on('error', () => undefined)
      .on('close', () => (closed = true));
    const client = { socket, said: () => said, closed: () => closed };
    clients.push(client);
    return client;
  }

  async function headOf(...headers: string[]): Promise<string> {
    const lines = [
      'POST /v1/events HTTP/1.1',
      'Host: x',
      `Authorization: Bearer ${await api.token()}`,
      'Content-Type: application/json',
    ];
    return [...lines, ...headers, '', ''].join('\r\n');
  }

  /** Sends a piece every few milliseconds for as long as it is let; ends with the connection. */
  function drip(client: Client, pieces: Iterable<string>, everyMs = 20): void {
    const rest = pieces[Symbol.iterator]();
    const timer = setInterval(() => {
      const { value, done } = rest.next();
      if (done === true || client.closed()) clearInterval(timer);
      else client.socket.write(value);
    }, everyMs);
    client.socket.once('close', () => clearInterval(timer));
  }

  const cut = (client: Client) =>
    until(() => assert.ok(client.closed(), 'the connection is still open'), WITHIN_MS);

  let served = 0;
  async function assertOthersAreServed(): Promise<void> {
    const answer = await api.post(JSON.stringify(cloudEvent(`served ${++served}`)));
    assert.equal(answer.body.accepted, 1);
  }

  function* headers(): Iterable<string> {
    for (let n = 0; ; n++) yield `X-Header-${n}: x\r\n`;
  }
  function* bytes(): Iterable<string> {
    for (;;) yield ' ';
  }
  function* chunks(): Iterable<string> {
    for (;;) yield '1\r\n \r\n';
  }

  it('that sends its headers one after the other, without end, is cut off', async () => {
    const client = open();
    client.socket.write('POST /v1/events HTTP/1.1\r\n');
    drip(client, headers());
    await assertOthersAreServed();
    await cut(client);
    assert.match(client.said(), /^(HTTP\/1.1 408 |$)/);
  });

  it('that connects and says nothing is cut off', async () => {
    await cut(open());
  });

  it('that has been answered and then says nothing is cut off', async () => {
    const client = open();
    client.socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    await until(() => assert.match(client.said(), /^HTTP\/1.1 200 /), WITHIN_MS);
    await cut(client);
  });

  for (const [name, length, pieces] of [
    ['with Content-Length', 'Content-Length: 4000000', bytes],
    ['in chunks', 'Transfer-Encoding: chunked', chunks],
  ] as const) {
    it(`that sends its body a byte at a time, ${name}, is answered 408, cut off, and holds nothing`, async () => {
      const client = open();
      client.socket.write(await headOf(length));
      drip(client, pieces());
      await assertOthersAreServed();
      await until(() => assert.match(client.said(), /^HTTP\/1.1 408 [^]*BODY_TIMEOUT/), WITHIN_MS);
      assert.equal(api.ingress.admission.inFlightBytes, 0);
      await cut(client);
    });
  }

  it('whose body is slow but comes at the pace that is asked for is served', async () => {
    await api.close();
    api = await startTestApi({ bodyPace: { graceMs: 200, minBytesPerSecond: 200 } });
    const client = open();
    const body = JSON.stringify(cloudEvent('steady', { data: 'x'.repeat(3_000) }));
    client.socket.write(await headOf(`Content-Length: ${body.length}`));
    // For three times the grace time, many times as fast as must be.
    drip(client, body.match(/.{1,100}/g) ?? []);
    await until(() => assert.match(client.said(), /^HTTP\/1.1 202 [^]*"accepted":1/), WITHIN_MS);
  });

  it('without a token, that goes on sending, is cut off too', async () => {
    const client = open();
    client.socket.write('POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n');
    drip(client, bytes());
    await until(() => assert.match(client.said(), /^HTTP\/1.1 401 /), WITHIN_MS);
    await cut(client);
  });

  it('that gives up its upload takes nothing, and gives back what it held', async () => {
    for (let n = 0; n < 20; n++) {
      const client = open();
      client.socket.write(await headOf('Content-Length: 100000'));
      client.socket.write(' '.repeat(50_000));
    }
    await until(() => assert.equal(api.ingress.admission.inFlightBytes, 2_000_000), WITHIN_MS);
    for (const { socket } of clients) socket.destroy();
    await until(() => assert.equal(api.ingress.admission.inFlightBytes, 0), WITHIN_MS);
    await assertOthersAreServed();
    await until(() => assert.equal(api.events().length, 1), WITHIN_MS);
  });
});

describe('idle connections', () => {
  it('make room for a client that has something to say', async () => {
    const api = await startTestApi({ connections: { ...SOON.connections, keepAliveTimeout: 600_000 } });
    const idle: Socket[] = [];
    let dropped = 0;
    for (let n = 0; n < 60; n++) {
      const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
      socket.on('close', () => dropped++).write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
      idle.push(socket);
      // Answered, and idle from then on.
      await new Promise((resolve, reject) => socket.once('data', resolve).once('error', reject));
    }
    await until(() => assert.ok(dropped >= 20, `${60 - dropped} are open, 40 may be`), WITHIN_MS);
    assert.equal((await api.post(JSON.stringify(cloudEvent('a')))).status, 202);
    for (const socket of idle) socket.destroy();
    await api.close();
  });
});
