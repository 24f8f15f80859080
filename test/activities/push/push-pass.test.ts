import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { MockActivityEnvironment } from '@temporalio/testing';
import { Webhook } from 'standardwebhooks';
import type { PassProgress } from '../../../src/activities/deliveries/progress.js';
import { HeadgateError } from '../../../src/errors.js';
import { LineSet } from '../../../src/events/line-set.js';
import { batchPath } from '../../../src/stores/batch-store/file.js';
import type { PassResult } from '../../../src/workflows/messages/deliveries.js';
import { event } from '../../support/events.js';
import { gate } from '../../support/gate.js';
import { createPushBench, QUIET_CONTROL, type PushBench } from '../../support/push.js';
import { useTempDir } from '../../support/temp-dir.js';
import { until } from '../../support/until.js';
import { startReceiver, type ReceivedRequest, type WebhookReceiver } from '../../support/webhook-receiver.js';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

describe('a push pass', () => {
  const dir = useTempDir();
  let receiver: WebhookReceiver;
  let bench: PushBench;

  beforeEach(async () => {
    receiver = await startReceiver();
    bench = createPushBench(dir(), receiver.url);
  });
  afterEach(async () => {
    await receiver.stop();
    await bench.close();
  });

  const events = (count: number) =>
    bench.batch(Array.from({ length: count }, (_, line) => event(`e-${line}`, 0)));
  const idsOf = ({ body }: ReceivedRequest): string[] =>
    [JSON.parse(body) as { id: string } | { id: string }[]].flat().map(({ id }) => id);
  const received = (): string[] => receiver.requests.flatMap(idsOf);
  const linesIn = (group: { lines?: string; count: number } | undefined, lines: number): number[] => [
    ...LineSet.decode(group?.lines, lines),
  ];
  const failFor = (...ids: string[]): void => {
    receiver.answer = (request) => (idsOf(request).some((id) => ids.includes(id)) ? 500 : 200);
  };
  const done = (delivered: number): PassResult => ({ delivered, failed: 0, pending: [], dead: [] });

  it('posts each event as a signed CloudEvent, with headers of its own', async () => {
    bench.configure({
      secret: 'env:HEADGATE_SECRET_HOOK',
      headers: { Authorization: 'env:HEADGATE_SECRET_AUTH', 'X-Plain': 'a' },
    });
    const batch = await bench.batch([event('e.0', 0, { extensions: { airline: 'UA' }, stage: 'new' })]);
    const secrets: Record<string, string> = {
      'env:HEADGATE_SECRET_HOOK': SECRET,
      'env:HEADGATE_SECRET_AUTH': 'Bearer x',
    };
    const secretOf = (_tenant: string, reference: string): string => secrets[reference] ?? reference;
    assert.deepEqual(await bench.pass(batch, {}, { secretOf }), done(1));
    const [{ headers, body }] = receiver.requests as [ReceivedRequest];
    assert.deepEqual(new Webhook(SECRET).verify(body, headers as Record<string, string>), {
      specversion: '1.0',
      id: 'e.0',
      source: '/airports/EWR',
      type: 'landed',
      subject: 'N1',
      stage: 'new',
      time: '2024-03-10T12:00:00.000Z',
      airline: 'UA',
      hops: 1,
      receivedat: '2024-03-10T13:00:00.000Z',
      data: {},
    });
    assert.equal(headers['content-type'], 'application/cloudevents+json');
    assert.match(headers['webhook-id'] as string, /^event_[0-9a-f]{40}$/);
    assert.match(headers['user-agent'] ?? '', /^headgate\/\d+\.\d+\.\d+/);
    assert.deepEqual([headers.authorization, headers['x-plain']], ['Bearer x', 'a']);
  });

  it("sends an event's trace as a header, and a damaged one, or those of several events, not", async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const trace = { traceparent, tracestate: 'vendor=1' };
    const damaged = { traceparent: `${traceparent}\r\nX-Evil: 1`, tracestate: 'a' };
    const rows = [trace, damaged, {}].map((extensions, n) => event(`e-${n}`, 0, { extensions }));
    await bench.pass(await bench.batch(rows));
    const sent = receiver.requests.map(({ headers }) => [headers.traceparent, headers.tracestate]);
    assert.deepEqual(sent, [
      [traceparent, 'vendor=1'],
      [undefined, undefined],
      [undefined, undefined],
    ]);
    bench.configure({ format: 'batch' });
    await bench.pass(await bench.batch(rows));
    assert.equal(receiver.requests.at(-1)?.headers.traceparent, undefined);
  });

  it('gives events of two sources or of two streams with one id webhook ids of their own', async () => {
    const rows = ['/berlin', '/paris'].map((source) => event('1', 0, { source }));
    await bench.pass(await bench.batch(rows));
    await bench.pass(await bench.batch(rows.slice(0, 1), 'user-properties'));
    const ids = receiver.requests.map(({ headers }) => headers['webhook-id']);
    assert.equal(new Set(ids).size, 3);
    await bench.pass(await bench.batch(rows));
    const again = receiver.requests.slice(3).map(({ headers }) => headers['webhook-id']);
    assert.deepEqual(new Set(again), new Set(ids.slice(0, 2)));
  });

  it('delivers a batch, more and more at a time', async () => {
    assert.deepEqual(await bench.pass(await events(200)), done(200));
    assert.equal(new Set(received()).size, 200);
    assert.equal(bench.requested.length, 200);
    assert.equal(bench.receivers.of('UA', 'hooks').concurrency.limit, 32);
  });

  it('posts batches of a bounded size, with an id that is the same for the same events', async () => {
    bench.configure({ format: 'batch', maxEvents: 40 });
    const batch = await events(100);
    await bench.pass(batch);
    await bench.pass(batch);
    const ids = receiver.requests.map(({ headers }) => headers['webhook-id']);
    assert.deepEqual(receiver.requests.map((each) => idsOf(each).length).sort(), [20, 20, 40, 40, 40, 40]);
    assert.equal(new Set(ids).size, 3);
    assert.equal(receiver.requests[0]?.headers['content-type'], 'application/cloudevents-batch+json');
  });

  it('leaves what failed pending, due after the pause of the schedule', async () => {
    bench.configure({ retry: { schedule: ['10s', '5m'] } });
    failFor('e-1', 'e-3');
    const result = await bench.pass(await events(5));
    assert.deepEqual([result.delivered, result.failed, result.retryAfterMs], [3, 2, 10_000]);
    const [group] = result.pending;
    assert.deepEqual([group?.attempts, linesIn(group, 5)], [1, [1, 3]]);
    assert.equal(group?.dueAt, bench.clock.now + 10_000);
  });

  it('adds up to a fifth of jitter', async () => {
    bench.configure({ retry: { schedule: ['10s'] } });
    failFor('e-0');
    assert.equal((await bench.pass(await events(1), {}, { random: () => 1 })).retryAfterMs, 12_000);
  });

  it('does not try again before it is due what comes back with what is', async () => {
    const batch = await events(2);
    const dueAt = bench.clock.now + 60_000;
    const pending = [
      { attempts: 0, lines: LineSet.of([1]).encode(), count: 1 },
      { attempts: 1, lines: LineSet.of([0]).encode(), count: 1, dueAt },
    ];
    const result = await bench.pass(batch, { pending });
    assert.deepEqual(received(), ['e-1']);
    assert.deepEqual([result.pending[0]?.dueAt, result.retryAfterMs], [dueAt, 60_000]);
  });

  it('waits for an hour at most, or for the pause of the schedule, after a clock was ahead', async () => {
    bench.configure({ retry: { schedule: ['10s', '4h'] } });
    const batch = await events(2);
    const dueAt = bench.clock.now + 3 * 24 * 3_600_000;
    const pending = [
      { attempts: 1, lines: LineSet.of([0]).encode(), count: 1, dueAt },
      { attempts: 2, lines: LineSet.of([1]).encode(), count: 1, dueAt },
    ];
    const first = await bench.pass(batch, { pending });
    assert.deepEqual([received(), first.retryAfterMs], [[], 3_600_000]);
    bench.clock.now += 3_600_000;
    const second = await bench.pass(batch, { pending: first.pending, pass: 2 });
    assert.deepEqual([received(), second.retryAfterMs], [['e-0'], 3.8 * 3_600_000]);
  });

  it('gives up what has used up its attempts, and says why', async () => {
    bench.configure({ retry: { schedule: ['0ms'] } });
    failFor('e-1');
    const batch = await events(3);
    const first = await bench.pass(batch);
    assert.deepEqual([first.dead, first.pending.length], [[], 1]);
    const second = await bench.pass(batch, { pending: first.pending, pass: 2 });
    assert.deepEqual([second.pending, second.failed], [[], 1]);
    const [dead] = second.dead;
    assert.deepEqual(linesIn(dead, 3), [1]);
    assert.equal(dead?.reason, 'attempts-exhausted');
    assert.equal(dead?.detail, 'HTTP 500 Internal Server Error');
    assert.equal(dead?.attempts, 2);
  });

  it('keeps every attempt in the delivery log', async () => {
    receiver.answer = (request, response) =>
      idsOf(request).includes('e-1') ? void response.writeHead(500).end('broken') : 200;
    const batch = await events(2);
    await bench.pass(batch);
    const read = await bench.stores.deliveryLog.read({ ...batch, subscription: 'hooks' });
    const shown = read.map(({ line, event: id, attempt, outcome, status, error, response, pass }) => [
      line,
      id,
      attempt,
      outcome,
      status,
      error,
      response,
      pass,
    ]);
    assert.deepEqual(shown, [
      [0, 'e-0', 1, 'delivered', 200, undefined, undefined, 1],
      [1, 'e-1', 1, 'failed', 500, 'HTTP 500 Internal Server Error', 'broken', 1],
    ]);
  });

  it('goes on from the heartbeat of an attempt that was lost', async () => {
    const batch = await events(10);
    const progress: PassProgress = { delivered: LineSet.of([0, 1, 2, 7]).encode() };
    const environment = new MockActivityEnvironment({ attempt: 2, heartbeatDetails: progress });
    assert.deepEqual(await bench.pass(batch, {}, { environment }), done(10));
    assert.deepEqual(received().sort(), ['e-3', 'e-4', 'e-5', 'e-6', 'e-8', 'e-9']);
    const read = await bench.stores.deliveryLog.read({ ...batch, subscription: 'hooks' });
    assert.equal(read.filter(({ resumed }) => resumed === true).length, 4);
  });

  it('says in its heartbeats what was confirmed, and nothing else', async function () {
    this.timeout(15_000);
    const environment = new MockActivityEnvironment();
    const beats: PassProgress[] = [];
    environment.on('heartbeat', (details: PassProgress) => beats.push(details));
    const open = gate();
    receiver.answer = async (request) => {
      if (idsOf(request).includes('e-0')) return 200;
      if (idsOf(request).includes('e-1')) return 500;
      await open.passed;
      return 200;
    };
    const passing = bench.pass(await events(4), {}, { environment });
    await until(() => assert.ok(beats.length > 0), 10_000);
    open.open();
    await passing;
    assert.deepEqual([...LineSet.decode(beats[0]?.delivered, 4)], [0]);
  });

  for (const [what, call] of Object.entries({ cancelled: 'cancel', 'told that the process ends': 'end' })) {
    it(`takes up nothing more when it is ${what}, and waits for what is on its way`, async () => {
      const [arrived, open] = [gate(), gate()];
      receiver.answer = async () => {
        arrived.open();
        await open.passed;
        return 200;
      };
      const environment = new MockActivityEnvironment();
      const ending = new AbortController();
      const passing = bench.pass(await events(5), {}, { environment, ending: ending.signal });
      await arrived.passed;
      if (call === 'cancel') environment.cancel();
      else ending.abort();
      open.open();
      const result = await passing;
      assert.deepEqual([result.delivered, result.failed, received()], [1, 0, ['e-0']]);
      assert.deepEqual(linesIn(result.pending[0], 5), [1, 2, 3, 4]);
      assert.deepEqual([result.pending[0]?.attempts, result.retryAfterMs], [0, undefined]);
    });
  }

  it('ends in time, and is to go on at once', async () => {
    receiver.answer = async () => {
      await new Promise(setImmediate);
      return 200;
    };
    const result = await bench.pass(await events(3), {}, { passMs: 0 });
    assert.equal(result.delivered + (result.pending[0]?.count ?? 0), 3);
    assert.equal(result.retryAfterMs, undefined);
  });

  it('stops when the breaker opens; what was not tried keeps its attempts', async () => {
    receiver.answer = () => 500;
    const batch = await events(50);
    const result = await bench.pass(batch);
    assert.equal(receiver.requests.length, 10);
    const groups = result.pending.map(({ attempts, count }) => [attempts, count]);
    assert.deepEqual(groups, [
      [0, 40],
      [1, 10],
    ]);
    assert.equal(result.retryAfterMs, undefined);
    assert.deepEqual(bench.told, ['observe open']);

    const idle = await bench.pass(batch, { pending: result.pending });
    assert.equal(receiver.requests.length, 10, 'nothing is posted while it is open');
    assert.equal(idle.retryAfterMs, 30_000, 'and the pass does not come back at once');

    bench.clock.now += 30_000;
    receiver.answer = () => 200;
    assert.deepEqual((await bench.pass(batch, { pending: idle.pending })).delivered, 50);
    assert.deepEqual(bench.told, ['observe open', 'observe closed']);
  });

  it('stops at 410 and asks to be disabled; nothing counts as tried', async () => {
    failFor();
    receiver.answer = (request) => (idsOf(request).includes('e-2') ? 410 : 200);
    bench.configure({ maxConcurrency: 1 });
    const result = await bench.pass(await events(6));
    assert.deepEqual([result.delivered, result.failed, bench.told], [2, 0, ['disable gone']]);
    assert.deepEqual(linesIn(result.pending[0], 6), [2, 3, 4, 5]);
    assert.equal(result.pending[0]?.attempts, 0);
  });

  it('waits before the next pass when the queue could not be told', async () => {
    receiver.answer = () => 410;
    const disable = (): Promise<never> => Promise.reject(new Error('no Temporal'));
    const control = { ...QUIET_CONTROL, disable };
    assert.equal((await bench.pass(await events(1), {}, { control })).retryAfterMs, 30_000);
  });

  it('posts nothing while it is stopped', async () => {
    const control = { ...QUIET_CONTROL, isStopped: () => true };
    const result = await bench.pass(await events(2), {}, { control });
    assert.deepEqual([received(), result.pending[0]?.count, result.retryAfterMs], [[], 2, 30_000]);
  });

  it('forgets what it knows of failures when the subscription is resumed, once for each resume', async () => {
    bench.configure({ retry: { schedule: ['1h'] }, maxConcurrency: 1 });
    receiver.answer = () => 500;
    await bench.pass(await events(12));
    const before = receiver.requests.length;
    const idle = await bench.pass(await events(1));
    assert.deepEqual([receiver.requests.length, idle.retryAfterMs], [before, 30_000]);
    receiver.answer = () => 200;
    const resumedAt = bench.clock.now;
    assert.equal((await bench.pass(await events(3), { resumedAt })).delivered, 3);
    receiver.answer = () => 500;
    await bench.pass(await events(12));
    const again = await bench.pass(await events(1), { resumedAt });
    assert.equal(again.retryAfterMs, 30_000, 'it has opened since that resume');
  });

  it('tells how each request went, in the words of the receiver but for what is secret', async () => {
    const headers = { Authorization: 'Bearer topsecret' };
    bench.configure({ retry: { schedule: ['1h'] }, maxConcurrency: 1, headers });
    receiver.answer = ({ headers: { authorization } }, response) =>
      void response.writeHead(500).end(`database is down (${authorization})`);
    const batch = await events(1);
    const secretOf = (_tenant: string, reference: string): string => reference;
    const { pending } = await bench.pass(batch, {}, { secretOf });
    receiver.answer = () => 200;
    bench.clock.now += 3_600_000;
    await bench.pass(batch, { pending, pass: 2 }, { secretOf });
    const error = 'HTTP 500 Internal Server Error';
    assert.deepEqual(
      bench.tried.map(({ ok, error, again, told }) => ({ ok, error, again, told: told?.() })),
      [
        { ok: false, error, again: false, told: `${error}: database is down ([…])` },
        { ok: true, error: undefined, again: true, told: '' },
      ],
    );
    for (const { seconds } of bench.tried) assert.ok(seconds! > 0 && seconds! < 5, `${seconds} s`);
  });

  it('stops for as long as Retry-After asks, in other passes too', async () => {
    bench.configure({ retry: { schedule: ['1s'] }, maxConcurrency: 1 });
    receiver.answer = (_request, response) => void response.writeHead(429, { 'retry-after': '120' }).end();
    const result = await bench.pass(await events(3));
    assert.equal(receiver.requests.length, 1);
    assert.equal(result.retryAfterMs, 120_000);
    receiver.answer = () => 200;
    const other = await bench.pass(await events(1));
    assert.deepEqual([receiver.requests.length, other.retryAfterMs], [1, 120_000]);
    bench.clock.now += 120_000;
    assert.equal((await bench.pass(await events(1))).delivered, 1);
  });

  it('follows no Retry-After that came while the clock was days ahead', async () => {
    bench.clock.now += 3 * 24 * 3_600_000;
    receiver.answer = (_request, response) => void response.writeHead(429, { 'retry-after': '120' }).end();
    await bench.pass(await events(1));
    bench.clock.now -= 3 * 24 * 3_600_000;
    receiver.answer = () => 200;
    assert.equal((await bench.pass(await events(1))).delivered, 1);
  });

  describe('of batches', () => {
    const poison = (status: number, ...ids: string[]): void => {
      receiver.answer = (request) => (idsOf(request).some((id) => ids.includes(id)) ? status : 200);
    };

    for (const status of [400, 413, 422]) {
      it(`bisects one that is refused with ${status}: the lone poison alone counts an attempt`, async () => {
        bench.configure({ format: 'batch', maxEvents: 100 });
        poison(status, 'e-37');
        const result = await bench.pass(await events(100));
        assert.deepEqual([result.delivered, result.failed], [99, 1]);
        assert.deepEqual([result.pending[0]?.attempts, linesIn(result.pending[0], 100)], [1, [37]]);
        assert.ok(
          receiver.requests.length <= 2 * Math.ceil(Math.log2(100)) + 1,
          `${receiver.requests.length} requests`,
        );
      });
    }

    it('finds several poisons, and is not taken for a receiver that fails', async () => {
      bench.configure({ format: 'batch', maxEvents: 100, retry: { schedule: [] } });
      poison(422, 'e-3', 'e-4', 'e-90');
      const result = await bench.pass(await events(100));
      assert.deepEqual([result.delivered, result.pending], [97, []]);
      assert.deepEqual(linesIn(result.dead[0], 100), [3, 4, 90]);
      assert.deepEqual(bench.told, []);
    });

    it('does not bisect one that failed otherwise', async () => {
      bench.configure({ format: 'batch', maxEvents: 100 });
      poison(500, 'e-37');
      const result = await bench.pass(await events(100));
      assert.deepEqual([receiver.requests.length, result.pending[0]?.count], [1, 100]);
    });

    it('are no longer than a megabyte', async () => {
      bench.configure({ format: 'batch', maxEvents: 100 });
      const text = 'x'.repeat(200 * 1024);
      const rows = Array.from({ length: 12 }, (_, line) => event(`e-${line}`, 0, { data: { text } }));
      assert.equal((await bench.pass(await bench.batch(rows))).delivered, 12);
      assert.deepEqual(receiver.requests.map((each) => idsOf(each).length).sort(), [2, 5, 5]);
    });
  });

  it('gives up an event that is too large for any request, alone', async () => {
    const rows = [event('e-0', 0, { data: { text: 'x'.repeat(2 ** 20) } }), event('e-1', 0)];
    const result = await bench.pass(await bench.batch(rows));
    assert.deepEqual([result.delivered, result.failed, received()], [1, 0, ['e-1']]);
    assert.deepEqual([result.dead[0]?.reason, linesIn(result.dead[0], 2)], ['undeliverable', [0]]);
  });

  it('gives all up in one dead letter when the subscription or the batch is gone', async () => {
    const batch = await events(4);
    const pending = [
      { attempts: 0, lines: LineSet.of([0, 1]).encode(), count: 2 },
      { attempts: 2, lines: LineSet.of([3]).encode(), count: 1 },
    ];
    const removed = await bench.pass(batch, { pending, subscription: 'gone' });
    assert.deepEqual([removed.dead.length, removed.dead[0]?.reason], [1, 'subscription-removed']);
    assert.deepEqual([linesIn(removed.dead[0], 4), removed.dead[0]?.attempts], [[0, 1, 3], 2]);
    await rm(batchPath(bench.stores.paths.batches, batch));
    const expired = await bench.pass(batch, { pending });
    assert.deepEqual([expired.dead.length, expired.dead[0]?.reason, expired.pending], [1, 'expired', []]);
  });

  it('fails, to be made again, when a secret is missing; names the variable', async () => {
    bench.configure({ secret: 'env:HEADGATE_SECRET_HOOK' });
    const refused = (error: unknown): boolean =>
      error instanceof HeadgateError &&
      error.code === 'SECRET_MISSING' &&
      error.retryable &&
      error.message.includes('HEADGATE_SECRET_HOOK');
    await assert.rejects(bench.pass(await events(1), {}, { secretOf: () => undefined }), refused);
    assert.deepEqual(bench.told, [
      'fault SECRET_MISSING: The variable of env:HEADGATE_SECRET_HOOK is not set where workers run.',
    ]);
    assert.deepEqual(received(), []);
  });

  it('sends no key that signs in a header, wherever it comes from', async () => {
    bench.configure({ secret: SECRET, headers: { 'X-Any': 'env:HEADGATE_SECRET_UA__KEY' } });
    const secretOf = (_tenant: string, reference: string): string =>
      reference.startsWith('env:') ? `Bearer ${SECRET}` : reference;
    await assert.rejects(
      bench.pass(await events(1), {}, { secretOf }),
      ({ code, message }: HeadgateError) => code === 'SECRET_REFUSED' && !message.includes(SECRET),
    );
    assert.deepEqual(received(), []);
    assert.match(bench.told[0] ?? '', /^fault SECRET_REFUSED: The header X-Any would send a key/);
  });

  it('tells the alerts on the way to being disabled, and asks for that in the end', async () => {
    bench.configure({ disableAfterFailures: 4, maxConcurrency: 1 });
    receiver.answer = () => 500;
    const batch = await events(5);
    const first = await bench.pass(batch);
    assert.deepEqual(bench.told, ['alert 50', 'alert 70', 'alert 100']);
    bench.clock.now += 25 * 60 * 60 * 1000;
    const second = await bench.pass(batch, { pending: first.pending });
    assert.deepEqual(bench.told.at(-1), 'disable failing');
    assert.equal(second.failed, 1);
  });
});
