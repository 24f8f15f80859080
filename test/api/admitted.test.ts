import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { HeadgateError } from '../../src/errors.js';
import { cloudEvent, startTestApi, type TestApi } from '../support/api.js';
import { until } from '../support/until.js';

/** A clock that stands still: what a rate gives back meanwhile is no matter of how fast the machine is. */
const NOW = Date.parse('2026-03-01T00:00:00Z');

const events = (count: number, prefix: string): string =>
  JSON.stringify(Array.from({ length: count }, (_, n) => cloudEvent(`${prefix}${n}`)));

/** A connection by hand, and what has come over it. */
function open(api: TestApi): { socket: Socket; said: () => string } {
  const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
  let said = '';
  socket.on('data', (chunk: Buffer) => (said += chunk.toString())).on('error', () => undefined);
  return { socket, said: () => said };
}

async function headOf(api: TestApi, ...headers: string[]): Promise<string> {
  const lines = [
    'POST /v1/events HTTP/1.1',
    'Host: x',
    `Authorization: Bearer ${await api.token()}`,
    'Content-Type: application/json',
  ];
  return [...lines, ...headers, '', ''].join('\r\n');
}

describe('a request that is not admitted', () => {
  let api: TestApi;
  afterEach(async () => {
    await api.close();
    assert.deepEqual(api.faults, []);
  });

  it('is answered 429 with Retry-After and quotas, takes nothing, and leaves the other tenant alone', async () => {
    api = await startTestApi({
      limits: { eventsPerSecond: 10, bytesPerSecond: 1e9 },
      admission: { now: () => NOW },
    });
    const taken = await api.post(events(45, 'a'));
    assert.equal(taken.status, 202);
    assert.equal(taken.headers.get('ratelimit-remaining'), '0', 'it is in debt');
    const refused = await api.post(events(20, 'b'));
    assert.deepEqual([refused.status, refused.body.code], [429, 'TENANT_RATE_LIMITED']);
    assert.equal(refused.headers.get('content-type'), 'application/problem+json');
    assert.equal(refused.headers.get('retry-after'), '3', '25 in debt, at 10 a second');
    assert.equal(refused.headers.get('ratelimit'), '"events";r=0;t=3, "bytes";r=0;t=3, "requests";r=0;t=3');
    assert.equal(refused.headers.get('ratelimit-reset'), '3');
    const other = await api.post(events(5, 'b'), { token: await api.token({ tenant: 'DL' }) });
    assert.equal(other.body.accepted, 5);
    await api.drained();
    assert.equal(api.events('UA').length, 45);
  });

  it('is refused though none of its body has been sent, however large that would be', async () => {
    api = await startTestApi({ limits: { eventsPerSecond: 1, bytesPerSecond: 1e9 } });
    assert.equal((await api.post(events(50, 'a'))).status, 202);
    const { socket, said } = open(api);
    socket.write(await headOf(api, 'Content-Length: 3000000'));
    await until(() => assert.match(said(), /^HTTP\/1.1 429 [^]*TENANT_RATE_LIMITED/), 2_000);
    socket.destroy();
    const polite = open(api);
    polite.socket.write(await headOf(api, 'Content-Length: 3000000', 'Expect: 100-continue'));
    await until(() => assert.match(polite.said(), /^HTTP\/1.1 429 [^]*Connection: close/), 2_000);
    polite.socket.destroy();
  });

  it('is answered 429 when its tenant has too many bytes on their way, until those are answered', async () => {
    api = await startTestApi({ admission: { maxInFlightBytes: 1_000_000 } });
    const uploads = Array.from({ length: 2 }, () => open(api));
    for (const { socket } of uploads) socket.write(await headOf(api, 'Content-Length: 250000'));
    await until(() => assert.equal(api.ingress.admission.inFlightBytes, 500_000), 2_000);
    const refused = await api.post(events(1, 'a'));
    assert.deepEqual([refused.status, refused.body.code], [429, 'TENANT_IN_FLIGHT_FULL']);
    assert.equal(refused.headers.get('retry-after'), '1');
    const other = await api.post(events(1, 'a'), { token: await api.token({ tenant: 'DL' }) });
    assert.equal(other.status, 202);
    // An upload that is given up gives back what it held.
    for (const { socket } of uploads) socket.destroy();
    await until(() => assert.equal(api.ingress.admission.inFlightBytes, 0), 2_000);
    assert.equal((await api.post(events(1, 'a'))).status, 202);
  });

  it('is cut short when a body that announced no length grows past what fits', async () => {
    api = await startTestApi({ admission: { maxInFlightBytes: 1_000_000 } });
    const piece = `${(100_000).toString(16)}\r\n${' '.repeat(100_000)}\r\n`;
    const { socket, said } = open(api);
    socket.write(await headOf(api, 'Transfer-Encoding: chunked'));
    for (let n = 0; n < 20; n++) socket.write(piece);
    socket.write('0\r\n\r\n');
    await until(() => assert.match(said(), /^HTTP\/1.1 429 [^]*TENANT_IN_FLIGHT_FULL/), 5_000);
    assert.equal(api.ingress.admission.inFlightBytes, 0);
    socket.destroy();
  });

  it('is answered 503 with Retry-After when spool or disk are full', async () => {
    let freeDiskBytes = 0;
    api = await startTestApi({ freeDiskBytes: () => freeDiskBytes, maxSpoolBytes: 100_000 });
    const noDisk = await api.post(events(1, 'a'));
    assert.deepEqual(
      [noDisk.status, noDisk.body.code, noDisk.headers.get('retry-after')],
      [503, 'DISK_FULL', '30'],
    );
    freeDiskBytes = 1e12;
    const noSpool = await api.post(events(2_000, 'a'));
    assert.deepEqual(
      [noSpool.status, noSpool.body.code, noSpool.headers.get('retry-after')],
      [503, 'OVERLOADED', '10'],
    );
    assert.equal((await api.post(events(1, 'a'))).body.accepted, 1, 'and it takes events again afterwards');
  });
});

describe('a request that is admitted', () => {
  let api: TestApi;
  afterEach(() => api.close());

  it('is told its quotas, in the form of the current draft and in the older one', async () => {
    api = await startTestApi({
      limits: { eventsPerSecond: 100, bytesPerSecond: 1_000_000, requestsPerSecond: 50 },
    });
    // The bucket must not have filled up again before the answer is made.
    const body = events(150, 'a');
    const { status, headers } = await api.post(body);
    assert.equal(status, 202);
    assert.equal(
      headers.get('ratelimit-policy'),
      '"events";q=200;w=2, "bytes";q=2000000;qu="content-bytes";w=2, "requests";q=100;qu="requests";w=2',
    );
    const [, left, bytes] =
      /^"events";r=(\d+);t=1, "bytes";r=(\d+);t=1, "requests";r=(?:99|100);t=1$/.exec(
        headers.get('ratelimit') ?? '',
      ) ?? [];
    assert.ok(Number(left) >= 50 && Number(left) < 200, `${left} events left`);
    assert.ok(Number(bytes) >= 2_000_000 - body.length && Number(bytes) <= 2_000_000, `${bytes} bytes left`);
    assert.equal(headers.get('ratelimit-limit'), '200');
    assert.equal(headers.get('ratelimit-remaining'), left);
    assert.equal(headers.get('ratelimit-reset'), '1');
  });

  it('gives back what it held, whatever its answer', async () => {
    api = await startTestApi();
    await api.post(events(10, 'a'));
    await api.post('{');
    await api.post('{}');
    await api.post(events(1, 'b'), { headers: { 'content-type': 'text/plain' } });
    await api.post(' '.repeat(5_000_000));
    await api.post(events(1, 'c'), { headers: { 'content-encoding': 'gzip' } });
    assert.equal(api.ingress.admission.inFlightBytes, 0);
  });
});

describe('what a tenant asks for besides', () => {
  let api: TestApi;
  afterEach(async () => {
    await api.close();
    assert.deepEqual(api.faults, []);
  });

  const ROUTES_WITH_A_BODY = [
    '/v1/subscriptions/crm/pull',
    '/v1/subscriptions/crm/ack',
    '/v1/dead-letters/redrive',
    '/v1/dead-letters/crm~x/discard',
    '/v1/replays',
  ];
  for (const path of ROUTES_WITH_A_BODY) {
    it(`counts its bodies against what may be in memory: POST ${path}`, async () => {
      api = await startTestApi({ admission: { maxInFlightBytes: 20_000 } });
      const uploads = Array.from({ length: 2 }, () => open(api));
      const head = (await headOf(api, 'Content-Length: 5000')).replace('/v1/events', path);
      for (const { socket } of uploads) socket.write(head);
      await until(() => assert.equal(api.ingress.admission.inFlightBytes, 10_000), 2_000);
      const refused = await api.post(' '.repeat(8_000), { path });
      assert.deepEqual([refused.status, refused.body.code], [429, 'TENANT_IN_FLIGHT_FULL']);
      assert.ok(refused.headers.get('retry-after'));
      const other = await api.post(events(1, 'a'), { token: await api.token({ tenant: 'DL' }) });
      assert.equal(other.status, 202);
      for (const { socket } of uploads) socket.destroy();
      await until(() => assert.equal(api.ingress.admission.inFlightBytes, 0), 2_000);
    });
  }

  it('is bounded by its requests a second, of all routes together', async () => {
    api = await startTestApi({ limits: { requestsPerSecond: 5 }, admission: { now: () => 1_000_000 } });
    await api.post(events(1, 'a'));
    const answers = await Promise.all(Array.from({ length: 20 }, () => api.get('/v1/eligibility/s1')));
    const refused = answers.filter(({ status }) => status === 429);
    assert.equal(refused.length, 11, 'nine are left of the burst of ten');
    assert.equal(refused[0]?.body.code, 'TENANT_RATE_LIMITED');
    assert.equal(refused[0]?.headers.get('retry-after'), '1');
    assert.match(refused[0]?.headers.get('ratelimit') ?? '', /"requests";r=0/);
    const other = await api.get('/v1/eligibility/s1', await api.token({ tenant: 'DL' }));
    assert.equal(other.status, 404);
  });

  it('is answered slower when it goes on as if it were not refused', async () => {
    api = await startTestApi({ limits: { requestsPerSecond: 1 } });
    const other = await api.token({ tenant: 'DL' });
    const began = performance.now();
    const flood = Array.from({ length: 120 }, async () => {
      const { status } = await api.get('/v1/eligibility/s1');
      return { status, ms: performance.now() - began };
    });
    const answers = await Promise.all(flood);
    const late = answers.filter(({ status, ms }) => status === 429 && ms >= 1_000);
    assert.ok(late.length > 0, 'some are held back');
    const quick = await api.get('/v1/eligibility/s1', other);
    assert.equal(quick.status, 404);
  });

  it('is bounded where Temporal has to be asked, by rate and by how much at once', async () => {
    const asked: (() => void)[] = [];
    const receiptOf = (): Promise<never> =>
      new Promise((_resolve, reject) => asked.push(() => reject(new HeadgateError('NOT_FOUND', 'none'))));
    api = await startTestApi({
      admission: { calls: { perSecond: 5, atOnce: 3 }, now: () => NOW },
      receipts: { receiptOf },
    });
    const batch = '/v1/batches/20240310-0123abcd-000000001';
    const open = [1, 2, 3].map(() => api.get(batch));
    await until(() => assert.equal(asked.length, 3), 2_000);
    const atOnce = await api.get(batch);
    assert.deepEqual([atOnce.status, atOnce.body.code], [429, 'TENANT_IN_FLIGHT_FULL']);
    for (const answer of asked) answer();
    for (const each of open) assert.equal((await each).status, 404);
    // A list counts as four, so the ten of the burst are spent with two of them.
    const lists = [await api.get('/v1/replays'), await api.get('/v1/replays'), await api.get('/v1/replays')];
    assert.deepEqual(
      lists.map(({ body }) => body.code),
      ['ENGINE_UNAVAILABLE', 'ENGINE_UNAVAILABLE', 'TENANT_RATE_LIMITED'],
    );
    assert.equal((await api.get('/v1/replays', await api.token({ tenant: 'DL' }))).status, 503);
  });
});
