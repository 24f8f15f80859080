import assert from 'node:assert/strict';
import { request as httpRequest, type ClientRequest } from 'node:http';
import { gzipSync } from 'node:zlib';
import { UnknownBodies } from '../../src/api/unknown-bodies.js';
import { startTestApi, type TestApi } from '../support/api.js';
import { until } from '../support/until.js';

const MAX = 1_000_000;
const KEY = 'web';
const WITHIN_MS = 5_000;

describe('bodies of which nobody knows who sends them', () => {
  let api: TestApi;
  let bodies: UnknownBodies;
  let nowMs = 1_000_000;
  const open: ClientRequest[] = [];

  beforeEach(async () => {
    bodies = new UnknownBodies({ maxUnknownBytes: MAX, now: () => nowMs });
    const writeKeys = {
      find: (key: string) => (key === KEY ? { tenant: 'UA', name: 'web' } : undefined),
      complete: true,
    };
    api = await startTestApi({ writeKeys, unknownBodies: bodies });
  });
  afterEach(async () => {
    for (const each of open.splice(0)) each.destroy();
    await until(() => assert.equal(bodies.bytes, 0), WITHIN_MS);
    await api.close();
    assert.deepEqual(api.faults, []);
  });

  async function send(body: string | Buffer, headers: Record<string, string> = {}) {
    const response = await fetch(`${api.url}/v1/page`, { method: 'POST', body, headers });
    const { code } = (await response.json()) as { code?: string };
    return { status: response.status, code, retryAfter: response.headers.get('retry-after') };
  }

  const good = (id: string): string => JSON.stringify({ messageId: id, userId: 'u', writeKey: KEY });

  it('have bounded memory while they come, and none is kept for what is announced', async () => {
    for (let n = 0; n < 20; n++) {
      const sending = httpRequest(`${api.url}/v1/page`, {
        method: 'POST',
        headers: { 'content-length': '3000000' },
      });
      sending.on('error', () => undefined).on('response', (response) => void response.resume());
      sending.write('x'.repeat(60_000));
      open.push(sending);
    }
    let most = 0;
    await until(() => {
      most = Math.max(most, bodies.bytes);
      assert.ok(bodies.bytes >= MAX / 2 - 130_000, `${bodies.bytes} bytes`);
    }, WITHIN_MS);
    assert.ok(most <= MAX);
    const { status, code, retryAfter } = await send(`${good('p')}${' '.repeat(200_000)}`);
    assert.deepEqual([status, code], [429, 'ADDRESS_RATE_LIMITED']);
    assert.match(retryAfter ?? '', /^\d+$/);
    // Whoever says who sends in a header is not among them.
    const inHead = await send('x'.repeat(200_000), { 'x-write-key': KEY });
    assert.deepEqual([inHead.status, inHead.code], [400, 'BODY_MALFORMED']);
  });

  it('that had no good key are paid back before the next of their address is read', async () => {
    assert.equal((await send(good('a'))).status, 200);
    const nothing = `{"writeKey":"nobody","x":"${'x'.repeat(400_000)}"}`;
    for (let n = 0; n < 5; n++) assert.equal((await send(nothing)).code, 'WRITE_KEY_INVALID');
    assert.deepEqual(await send(good('b')), {
      status: 429,
      code: 'ADDRESS_RATE_LIMITED',
      retryAfter: '1',
    });
    assert.equal((await send(good('c'), { 'x-write-key': KEY })).status, 200);
    nowMs += 1_000;
    assert.equal((await send(good('b'))).status, 200);
  });

  it('are not inflated beyond what they may have, and count for nothing', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000, ' '));
    const { code } = await send(bomb, { 'content-encoding': 'gzip' });
    assert.ok(code === 'ADDRESS_RATE_LIMITED' || code === 'BODY_TOO_LARGE' || code === 'OVERLOADED', code);
    assert.equal(bodies.bytes, 0);
  });

  it('are held by nobody once they are answered', async () => {
    const full = `${good('d')}${' '.repeat(100_000)}`;
    await Promise.all(Array.from({ length: 4 }, () => send(full)));
    assert.equal(bodies.bytes, 0);
  });
});
