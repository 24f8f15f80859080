import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import {
  sendLines,
  type RejectedLine,
  type SendOptions,
  type SendTally,
} from '../../packages/client/src/send.js';
import { cloudEvent, startTestApi } from '../support/api.js';
import { accept, problem, ScriptedServer, type Script } from '../support/scripted-server.js';

describe('sending lines', () => {
  let server: ScriptedServer;
  let waited: string[];

  beforeEach(async () => {
    server = new ScriptedServer();
    waited = [];
    await server.listen();
  });
  afterEach(() => server.close());

  function send(lines: SendOptions['lines'], more: Partial<SendOptions> = {}): Promise<SendTally> {
    const onWaiting = (reason: string): void => void waited.push(reason);
    return sendLines({
      url: server.url,
      token: () => Promise.resolve('t0k3n'),
      stream: 'events',
      lines,
      onWaiting,
      ...more,
    });
  }

  it('groups them, keeps their order, and reports every answer', async () => {
    const lines = Array.from({ length: 25 }, (_, n) => `line ${n}`);
    const tallies: SendTally[] = [];
    const tally = await send(lines, {
      requestEvents: 10,
      onAnswered: (soFar) => void tallies.push({ ...soFar }),
    });
    assert.deepEqual(tally, { lines: 25, accepted: 25, duplicate: 0, rejected: 0 });
    assert.deepEqual(
      server.requests.map((each) => each.lines.length),
      [10, 10, 5],
    );
    assert.deepEqual(
      server.requests.flatMap((each) => each.lines),
      lines,
    );
    assert.deepEqual(
      tallies.map((each) => each.lines),
      [10, 20, 25],
    );
    assert.deepEqual(
      [
        server.requests[0]?.path,
        server.requests[0]?.headers.authorization,
        server.requests[0]?.headers['content-type'],
      ],
      ['/v1/events', 'Bearer t0k3n', 'application/x-ndjson'],
    );
  });

  it('sends nothing for nothing', async () => {
    assert.deepEqual(await send([]), { lines: 0, accepted: 0, duplicate: 0, rejected: 0 });
    assert.equal(server.requests.length, 0);
  });

  it('keeps a request under a megabyte, unless one line is larger', async () => {
    await send(['a'.repeat(600_000), 'b'.repeat(600_000), 'c'.repeat(1_500_000), 'd', 'e']);
    assert.deepEqual(
      server.requests.map(({ lines }) => lines.map((line) => line[0]).join('')),
      ['a', 'b', 'c', 'de'],
    );
  });

  it('waits for as long as a 429 asks, and then sends the same lines again, none overtaking', async () => {
    server.script = [accept, problem(429, { 'retry-after': '1' }), accept];
    const tally = await send(['a', 'b', 'c'], { requestEvents: 1 });
    assert.equal(tally.accepted, 3);
    assert.deepEqual(
      server.requests.map(({ lines }) => lines[0]),
      ['a', 'b', 'b', 'c'],
    );
    assert.ok((server.requests[2]?.at ?? 0) - (server.requests[1]?.at ?? 0) >= 1_000);
    assert.match(waited.join(), /problem 429/);
  });

  it('asks for a token each time, since the first may have expired meanwhile', async () => {
    server.script = [problem(503), accept];
    let asked = 0;
    await send(['a'], { token: () => Promise.resolve(`token${++asked}`) });
    assert.deepEqual(
      server.requests.map(({ headers }) => headers.authorization),
      ['Bearer token1', 'Bearer token2'],
    );
  });

  for (const [name, answer] of [
    ['503', problem(503, { 'retry-after': '0' })],
    ['500', problem(500)],
    ['502 of a proxy', (_: string[], response: ServerResponse) => response.writeHead(502).end('<html>')],
    ['408, since the body came too slowly', problem(408)],
    ['a date in Retry-After', problem(503, { 'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT' })],
    ['a cut connection', (_: string[], response: ServerResponse) => response.destroy()],
    [
      'half an answer',
      (_: string[], response: ServerResponse) => {
        response.writeHead(202, { 'content-length': '100' }).write('{"accepted":');
        setTimeout(() => response.destroy(), 20);
      },
    ],
    [
      'a 202 that is no answer of ours',
      (_: string[], response: ServerResponse) => response.writeHead(202).end('<html>'),
    ],
  ] as [string, Script][]) {
    it(`tries again after ${name}`, async () => {
      server.script = [answer, accept];
      assert.equal((await send(['a'])).accepted, 1);
      assert.equal(server.requests.length, 2);
      assert.equal(waited.length, 1);
    });
  }

  it('waits for a server that is not there yet', async () => {
    await server.close();
    const sending = send(['a']);
    await delay(300);
    await server.listen();
    assert.equal((await sending).accepted, 1);
    assert.match(waited.join(), /ECONNREFUSED/);
  });

  for (const status of [400, 401, 403, 404, 413, 415]) {
    it(`does not try again what a retry does not fix: ${status}`, async () => {
      server.script = [problem(status), accept];
      await assert.rejects(send(['a', 'b'], { requestEvents: 1 }), {
        code: 'REQUEST_FAILED',
        message: new RegExp(`problem ${status}`),
      });
      assert.equal(server.requests.length, 1);
    });
  }

  it('stops when it is told to, also while it waits', async () => {
    server.script = [problem(429, { 'retry-after': '3600' })];
    const stop = new AbortController();
    const sending = send(['a'], { signal: stop.signal });
    setTimeout(() => stop.abort(), 100);
    await assert.rejects(sending);
    assert.equal(server.requests.length, 1);
  });

  it('counts duplicates and rejected lines of a real API, and goes on after a 422', async () => {
    const api = await startTestApi();
    const rejected: RejectedLine[] = [];
    const good = ['a', 'b', 'a'].map((id) => JSON.stringify(cloudEvent(id)));
    const lines = [good[0], '{', good[1], '{"id":"x"}', '[]', good[2]] as string[];
    const token = (): Promise<string> => api.token();
    const tally = await send(lines, {
      url: api.url,
      token,
      requestEvents: 2,
      onRejected: (line) => void rejected.push(line),
    });
    assert.deepEqual(tally, { lines: 6, accepted: 2, duplicate: 1, rejected: 3 });
    assert.deepEqual(
      rejected.map(({ line, id }) => [line, id]),
      [
        [2, undefined],
        [4, 'x'],
        [5, undefined],
      ],
    );
    assert.match(rejected[0]?.reason ?? '', /not valid JSON/);
    server.script = [accept];
    const all422 = await send(['{}', '7', good[0] as string], { url: api.url, token, requestEvents: 2 });
    assert.deepEqual(all422, { lines: 3, accepted: 0, duplicate: 1, rejected: 2 });
    await api.close();
  });
});
