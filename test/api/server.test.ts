import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setImmediate as nextTurn } from 'node:timers/promises';
import Koa from 'koa';
import { ROUTES } from '../../src/api/routes.js';
import { listen } from '../../src/api/server.js';
import type { HeadgateError } from '../../src/errors.js';
import { Turns } from '../../src/platform/event-loop-turns.js';
import { cloudEvent, startTestApi, useTestApi } from '../support/api.js';
import { examplePath, routeOf } from '../support/documented.js';

/** Says how many get a connection from a kernel whose process takes none: in ten seconds, or once it is all. */
const CONNECT_A_THOUSAND = `
  const { connect } = require('node:net');
  let connected = 0;
  for (let n = 0; n < 1000; n++)
    connect(Number(process.argv[1]), '127.0.0.1', () => connected++).on('error', () => undefined);
  const end = () => { process.stdout.write(connected + ' of 1000'); setImmediate(() => process.exit()); };
  const began = performance.now();
  setInterval(() => { if (connected === 1000 || performance.now() - began > 10000) end(); }, 10);
`;

/** Of each path of the table of routes that this API has: the methods that it knows, sorted. */
function allowedMethods(): Map<string, readonly string[]> {
  const paths = ROUTES.filter(({ path }) => path !== '/metrics').map((route) => examplePath(route));
  const known = (path: string): string[] =>
    ['DELETE', 'GET', 'HEAD', 'POST', 'PUT'].filter((method) => routeOf(method, path) !== undefined);
  return new Map(paths.map((path) => [path, known(path)]));
}

function methodsOf(headers: Headers): string[] {
  return (headers.get('allow') ?? '').split(', ').sort();
}

describe('the API server', () => {
  const api = useTestApi();

  for (const path of [
    '/',
    '/v1',
    '/v1/event',
    '/v1/events/x/y',
    '/v2/events',
    '/v1/batches',
    '/%',
    '/../etc/passwd',
  ]) {
    it(`answers an unknown path (${path}) with a 404 problem`, async () => {
      const answer = await api().get(path);
      assert.deepEqual([answer.status, answer.body.code], [404, 'NOT_FOUND']);
      assert.equal(answer.headers.get('content-type'), 'application/problem+json');
    });
  }

  const methods: [method: string, path: string, allowed: string][] = [
    ['GET', '/v1/user-properties', 'POST'],
    ['PUT', '/v1/user-properties', 'POST'],
    ['DELETE', '/v1/user-properties', 'POST'],
    ['POST', '/healthz', 'HEAD, GET'],
    ['POST', '/v1/eligibility/s1', 'HEAD, GET'],
    ['PATCH', '/v1/batches/x', 'HEAD, GET'],
  ];
  for (const [method, path, allowed] of methods) {
    it(`answers ${method} ${path} with 405 and the methods that are allowed`, async () => {
      const answer = await api().post(method === 'GET' ? undefined : '{}', { method, path });
      assert.deepEqual([answer.status, answer.body.code], [405, 'METHOD_NOT_ALLOWED']);
      assert.equal(answer.headers.get('allow'), allowed);
      assert.equal(answer.headers.get('content-type'), 'application/problem+json');
    });
  }

  for (const [path, allowed] of allowedMethods()) {
    it(`answers what ${path} does not do with 405 and its methods, and OPTIONS with these`, async () => {
      const answer = await api().post('{}', { method: 'PATCH', path, token: null });
      assert.deepEqual([answer.status, answer.body.code], [405, 'METHOD_NOT_ALLOWED']);
      assert.deepEqual(methodsOf(answer.headers), allowed);
      const options = await fetch(`${api().url}${path}`, { method: 'OPTIONS' });
      assert.deepEqual([options.status, methodsOf(options.headers)], [200, allowed]);
    });
  }

  it('is healthy and ready without a token', async () => {
    assert.equal((await api().get('/healthz', null)).status, 200);
    const ready = await api().get('/readyz', null);
    assert.equal(ready.status, 200);
    assert.deepEqual(ready.body, {
      status: 'ready',
      checks: ['spool', 'door'].map((name) => ({ name, ok: true })),
    });
  });

  it('answers what is a fault of ours with 500, without its reason, and logs that', async () => {
    const own = await startTestApi();
    own.ingress.ingest.accept = () => {
      throw new Error('secret of the inside');
    };
    const answer = await own.post(JSON.stringify(cloudEvent('a')));
    assert.deepEqual([answer.status, answer.body.code], [500, 'INTERNAL']);
    assert.doesNotMatch(JSON.stringify(answer.body), /secret/);
    assert.match(own.faults.join(), /secret of the inside/);
    await own.close();
  });

  it('says that a port is taken, and by which setting to choose another', async () => {
    const port = Number(new URL(api().url).port);
    await assert.rejects(listen(new Koa(), '127.0.0.1', port), (error: HeadgateError) => {
      assert.equal(error.code, 'PORT_IN_USE');
      assert.match(error.message, new RegExp(`${port}.*HEADGATE_PORT`));
      return true;
    });
  });

  it('lets an open request finish when it closes, and then does not wait for the idle connection', async () => {
    const app = new Koa();
    let reached = (): void => undefined;
    const began = new Promise<void>((resolve) => (reached = resolve));
    let answer = (): void => undefined;
    const held = new Promise<void>((resolve) => (answer = resolve));
    app.use(async (ctx) => {
      reached();
      await held;
      ctx.body = 'finished';
    });
    // Longer than this test may take: a kept-alive connection that holds up the shutdown fails it.
    const hour = 3_600_000;
    const limits = { keepAliveTimeout: hour, timeout: hour, closeGraceMs: hour };
    const server = await listen(app, '127.0.0.1', 0, limits);
    const request = fetch(server.url).then((response) => response.text());
    await began;
    const closing = server.close();
    answer();
    assert.equal(await request, 'finished');
    await closing;
    await assert.rejects(fetch(server.url));
  });

  it('answers a request on a connection that is open with 503 once it closes, and closes the connection', async () => {
    const app = new Koa();
    let answer = (): void => undefined;
    const held = new Promise<void>((resolve) => (answer = resolve));
    let requests = 0;
    const began = new Promise<void>((resolve) => {
      app.use(async (ctx) => {
        requests++;
        resolve();
        await held;
        ctx.body = 'finished';
      });
    });
    const server = await listen(app, '127.0.0.1', 0);
    const { port } = new URL(server.url);
    const socket = connect(Number(port), '127.0.0.1').setEncoding('utf8');
    const everything = text(socket);
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await began;
    const closing = server.close();
    // Behind the first on the same connection, which is therefore not idle.
    await new Promise((resolve) => socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n', resolve));
    answer();
    const said = await everything;
    await closing;
    assert.equal(requests, 1);
    assert.match(
      said,
      /^HTTP\/1\.1 200 OK[^]*finished[^]*HTTP\/1\.1 503 [^]*Connection: close[^]*SHUTTING_DOWN/,
    );
  });

  it('turns nobody away while it is busy: a thousand that connect at once wait for it', async function () {
    const somaxconn = await readFile('/proc/sys/net/core/somaxconn', 'utf8').catch(() => '0');
    // Where the kernel holds fewer, or does not say.
    if (Number(somaxconn) < 1_000) this.skip();
    const server = await listen(new Koa(), '127.0.0.1', 0);
    const { port } = new URL(server.url);
    // This process waits for the other, and takes no connection meanwhile.
    const { stdout } = spawnSync(process.execPath, ['-e', CONNECT_A_THOUSAND, port], { encoding: 'utf8' });
    await server.close();
    assert.equal(stdout, '1000 of 1000');
  });

  it('takes connections soon while a tenant has work for long: a turn of the loop takes one', async () => {
    const turns = new Turns();
    let taken = 0;
    let pieces = 0;
    const onConnection = (): void => {
      taken++;
      turns.hurry();
    };
    const server = await listen(new Koa(), '127.0.0.1', 0, { onConnection });
    const piece = (): void => {
      for (const start = performance.now(); performance.now() - start < 1;);
      pieces++;
      if (taken < 200) void turns.later('busy', piece);
    };
    const port = Number(new URL(server.url).port);
    const sockets = Array.from({ length: 200 }, () => connect(port, '127.0.0.1'));
    piece();
    while (taken < 200) await nextTurn();
    for (const socket of sockets) socket.destroy();
    await server.close();
    assert.ok(pieces <= 200, `${pieces} milliseconds of work came before the last connection`);
  });

  it('begins the request of one address before most of the many that another has sent before', async () => {
    const app = new Koa();
    const begun: string[] = [];
    app.use((ctx) => {
      begun.push(ctx.path);
      ctx.body = 'done';
    });
    let taken = 0;
    const server = await listen(app, '127.0.0.1', 0, { onConnection: () => taken++ });
    const port = Number(new URL(server.url).port);
    const sockets = [
      ...Array.from({ length: 200 }, () => connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' })),
      connect({ port, host: '127.0.0.1' }),
    ];
    while (taken < sockets.length) await nextTurn();
    const answered = sockets.map((socket) => once(socket, 'data'));
    for (const [n, socket] of sockets.entries())
      socket.write(`GET /${n < 200 ? 'many' : 'one'} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await Promise.all(answered);
    for (const socket of sockets) socket.destroy();
    await server.close();
    assert.equal(begun.length, 201);
    assert.ok(begun.indexOf('/one') < 100, `${begun.indexOf('/one')} requests came before it`);
  });

  it('answers a hundred requests that one connection sends at once, in order, and is rid of one that sends more', async () => {
    const app = new Koa();
    app.use((ctx) => {
      ctx.body = `<${ctx.path}>`;
    });
    const server = await listen(app, '127.0.0.1', 0);
    const sent = async (count: number): Promise<string> => {
      const socket = connect(Number(new URL(server.url).port), '127.0.0.1').on('error', () => undefined);
      const last = `GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
      const paths = Array.from({ length: count - 1 }, (_, n) => `GET /${n} HTTP/1.1\r\nHost: x\r\n\r\n`);
      socket.write(paths.join('') + last);
      return text(socket).catch(() => 'cut');
    };
    const answers = await sent(100);
    const more = await sent(2_000);
    const other = await fetch(server.url);
    await server.close();
    const order = [...Array.from({ length: 99 }, (_, n) => `</${n}>`), '</last>'];
    assert.deepEqual(answers.match(/<[^>]*>/g), order);
    assert.ok(!more.includes('last'), more.slice(-200));
    assert.equal(other.status, 200);
  });

  it('writes IPv6 addresses so that they work as URLs', async function () {
    const server = await listen(new Koa(), '::1', 0).catch(() => this.skip());
    assert.match(server.url, /^http:\/\/\[::1\]:\d+$/);
    assert.equal((await fetch(server.url)).status, 404);
    await server.close();
  });
});
