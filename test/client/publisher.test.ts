import assert from 'node:assert/strict';
import {
  createClient,
  type CloudEvent,
  type PublishedOutcome,
  type Publisher,
  type PublisherOptions,
} from '../../packages/client/src/index.js';
import { gate } from '../support/gate.js';
import { accept, problem, ScriptedServer, type Script } from '../support/scripted-server.js';
import { until } from '../support/until.js';

/** Never by itself, within a test. */
const NEVER_MS = 600_000;

describe('a publisher', function () {
  this.timeout(20_000);
  let server: ScriptedServer;
  let publishers: Publisher[];
  let lost: { code: string; ids: string[] }[];
  let rejected: { outcome: PublishedOutcome; event: CloudEvent }[];

  beforeEach(async () => {
    server = new ScriptedServer();
    [publishers, lost, rejected] = [[], [], []];
    await server.listen();
  });
  afterEach(async () => {
    for (const each of publishers) await each.close({ withinMs: 0 });
    await server.close();
  });

  function publisher(
    options: PublisherOptions = {},
    token: string | ((refused?: string) => string | Promise<string>) = 't0k3n',
  ): Publisher {
    const made = createClient({ url: server.url, token }).publisher({
      source: '/test',
      onLost: (error, events) =>
        lost.push({ code: (error as { code?: string }).code ?? '', ids: events.map(({ id }) => id) }),
      onRejected: (outcome, event) => rejected.push({ outcome, event }),
      ...options,
    });
    publishers.push(made);
    return made;
  }

  const sent = (): CloudEvent[][] =>
    server.requests.map(({ lines }) => lines.map((line) => JSON.parse(line) as CloudEvent));
  const sentIds = (): string[][] => sent().map((events) => events.map(({ id }) => id));
  const landed = (id: string, more: object = {}) => ({ id, type: 'landed', ...more });
  const publishAll = (to: Publisher, ids: readonly string[]) => ids.map((id) => to.publish(landed(id)));

  describe('sends a batch', () => {
    it('when it has its number of events, without waiting', async () => {
      const to = publisher({ maxBatchEvents: 3, maxDelayMs: NEVER_MS });
      const outcomes = publishAll(to, ['a', 'b', 'c', 'd']);
      await Promise.all(outcomes.slice(0, 3));
      assert.deepEqual(sentIds(), [['a', 'b', 'c']]);
      assert.equal(to.pending, 1);
    });

    it('when it has its number of bytes; a larger event goes alone', async () => {
      const to = publisher({ maxBatchBytes: 1_000, maxDelayMs: NEVER_MS });
      const large = 'x'.repeat(1_500);
      for (const id of ['a', 'b']) void to.publish(landed(id));
      void to.publish(landed('large', { data: large }));
      await until(() => assert.deepEqual(sentIds(), [['a', 'b'], ['large']]), 5_000);
    });

    it('when its first event has waited for long enough', async () => {
      const to = publisher({ maxDelayMs: 50 });
      await Promise.all(publishAll(to, ['a', 'b']));
      assert.deepEqual(sentIds(), [['a', 'b']]);
    });

    it('in the order of publishing, one at a time', async () => {
      const held = gate();
      let most = 0;
      let running = 0;
      const slowly: Script = (lines, response) => {
        most = Math.max(most, ++running);
        void held.passed.then(() => {
          running -= 1;
          accept(lines, response);
        });
      };
      server.script = [slowly];
      const to = publisher({ maxBatchEvents: 10 });
      const ids = Array.from({ length: 95 }, (_, n) => `e${n}`);
      const outcomes = publishAll(to, ids);
      await until(() => assert.equal(server.requests.length, 1), 5_000);
      held.open();
      await Promise.all(outcomes);
      assert.deepEqual(sentIds().flat(), ids);
      assert.deepEqual([server.requests.length, most], [10, 1]);
    });

    it('beside others, as many as it may', async () => {
      const held = gate();
      server.script = [(lines, response) => void held.passed.then(() => accept(lines, response))];
      const to = publisher({ maxBatchEvents: 1, concurrency: 3 });
      const outcomes = publishAll(to, ['a', 'b', 'c', 'd']);
      await until(() => assert.equal(server.requests.length, 3), 5_000);
      held.open();
      await Promise.all(outcomes);
    });
  });

  it('gives an event its id, time and source when it is published, and sends it again as it is', async () => {
    server.script = [problem(503), (_, response) => response.destroy(), accept];
    const before = Date.now();
    const to = publisher();
    const data = { seats: 1 };
    const outcome = to.publish({ type: 'landed', data });
    const after = Date.now();
    data.seats = 2;
    assert.equal((await outcome).status, 'accepted');
    const [first, second, third] = sent().map(([event]) => event!);
    assert.match(first!.id, /^[0-9a-f]{8}-[0-9a-f]{4}-4/);
    assert.deepEqual([first!.source, first!.data, first!.specversion], ['/test', { seats: 1 }, '1.0']);
    assert.ok(Date.parse(first!.time!) >= before && Date.parse(first!.time!) <= after);
    assert.deepEqual([second, third], [first, first]);
  });

  it("leaves an event's own id, time and source", async () => {
    const own = { id: 'own', time: '2024-03-10T12:00:00Z', source: '/own', subject: 's', place: 'here' };
    await publisher().publish({ type: 'landed', ...own });
    assert.deepEqual(sent(), [[{ ...own, type: 'landed', specversion: '1.0' }]]);
  });

  for (const [name, header] of [
    ['seconds', () => '1'],
    // A date has whole seconds: this one is more than one ahead.
    ['a date', () => new Date(Date.now() + 2_000).toUTCString()],
  ] as const)
    it(`waits for as long as Retry-After says in ${name}`, async () => {
      server.script = [
        (lines, response) => problem(429, { 'retry-after': header() })(lines, response),
        accept,
      ];
      await publisher({ maxDelayMs: 0 }).publish(landed('a'));
      const [first, second] = server.requests;
      assert.ok(second!.at - first!.at >= 1_000, `${second!.at - first!.at} ms`);
      assert.deepEqual(sentIds(), [['a'], ['a']]);
    });

  it('waits for a server that is away, and sends all of it when it is back', async () => {
    await server.close();
    const to = publisher({ maxBatchEvents: 2 });
    const outcomes = publishAll(to, ['a', 'b', 'c']);
    await new Promise(setImmediate);
    await server.listen();
    await Promise.all(outcomes);
    assert.deepEqual(sentIds(), [['a', 'b'], ['c']]);
    assert.deepEqual(lost, []);
  });

  it('gives up on an attempt that is not answered, and makes another', async () => {
    server.script = [() => undefined, accept];
    await publisher({ attemptMs: 200 }).publish(landed('a'));
    assert.deepEqual(sentIds(), [['a'], ['a']]);
  });

  it('tells why an event is rejected, and does not send it again', async () => {
    server.script = [
      (lines, response) => {
        const results = lines.map((_, index) =>
          index === 1
            ? { index, id: 'b', status: 'rejected', code: 'invalid_attribute', reason: 'it is bad' }
            : { index, id: 'x', status: 'accepted' },
        );
        response.writeHead(202, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ accepted: 2, duplicate: 0, rejected: 1, results }));
      },
    ];
    const outcomes = await Promise.all(publishAll(publisher(), ['a', 'b', 'c']));
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['accepted', 'rejected', 'accepted'],
    );
    const outcome = { id: 'b', status: 'rejected', code: 'invalid_attribute', reason: 'it is bad' };
    assert.deepEqual(outcomes[1], outcome);
    assert.deepEqual([rejected.length, rejected[0]?.outcome, rejected[0]?.event.id], [1, outcome, 'b']);
    assert.equal(server.requests.length, 1);
    assert.deepEqual(lost, []);
  });

  it('halves a batch that is too large, down to one event', async () => {
    const upTo = (events: number): Script => {
      return (lines, response) => (lines.length > events ? problem(413) : accept)(lines, response);
    };
    server.script = [upTo(2)];
    const to = publisher();
    await Promise.all(publishAll(to, ['a', 'b', 'c', 'd', 'e']));
    assert.deepEqual(sentIds(), [['a', 'b', 'c', 'd', 'e'], ['a', 'b', 'c'], ['a', 'b'], ['c'], ['d', 'e']]);
    server.script = [problem(413)];
    await assert.rejects(to.publish(landed('f')), {
      code: 'REQUEST_FAILED',
      details: { status: 413, code: undefined },
    });
    assert.deepEqual(lost, [{ code: 'REQUEST_FAILED', ids: ['f'] }]);
  });

  for (const status of [400, 401, 403, 404])
    it(`gives up on a batch after ${status}, says so, and goes on with the next`, async () => {
      server.script = [problem(status), accept];
      const to = publisher({ maxBatchEvents: 2 });
      const [first, second, third] = publishAll(to, ['a', 'b', 'c']);
      for (const each of [first, second]) await assert.rejects(each!, { code: 'REQUEST_FAILED' });
      assert.equal((await third!).status, 'accepted');
      assert.deepEqual(lost, [{ code: 'REQUEST_FAILED', ids: ['a', 'b'] }]);
      assert.deepEqual(sentIds(), [['a', 'b'], ['c']]);
    });

  it('gives up after its retries', async () => {
    server.script = [problem(500)];
    await assert.rejects(publisher({ retries: 1 }).publish(landed('a')), { code: 'REQUEST_FAILED' });
    assert.deepEqual([server.requests.length, lost], [2, [{ code: 'REQUEST_FAILED', ids: ['a'] }]]);
  });

  it('asks for another token after a 401, once', async () => {
    server.script = [problem(401), accept, problem(401)];
    const refused: (string | undefined)[] = [];
    let made = 0;
    const to = publisher({ maxDelayMs: 0 }, (old) => {
      refused.push(old);
      return old === undefined ? 'kept' : `made-${++made}`;
    });
    await to.publish(landed('a'));
    assert.deepEqual(
      server.requests.map(({ headers }) => headers.authorization),
      ['Bearer kept', 'Bearer made-1'],
    );
    await assert.rejects(to.publish(landed('b')), { code: 'REQUEST_FAILED' });
    assert.deepEqual(refused, [undefined, 'kept', undefined, 'kept']);
    assert.equal(server.requests.length, 4);
  });

  it('waits for whoever gives tokens', async () => {
    let asked = 0;
    const to = publisher({}, () => {
      if (++asked === 1) throw new Error('away');
      return 'token';
    });
    assert.equal((await to.publish(landed('a'))).status, 'accepted');
    assert.equal(asked, 2);
  });

  it('says what an answer leaves out', async () => {
    server.script = [
      (_, response) =>
        void response.writeHead(202).end(JSON.stringify({ results: [{ index: 0, status: 'accepted' }] })),
    ];
    const [first, second] = publishAll(publisher(), ['a', 'b']);
    assert.equal((await first!).status, 'accepted');
    await assert.rejects(second!, { code: 'REQUEST_FAILED' });
    assert.deepEqual(lost, [{ code: 'REQUEST_FAILED', ids: ['b'] }]);
  });

  describe('that is full', () => {
    it('throws, has taken nothing, and says when there is room', async () => {
      const held = gate();
      server.script = [(lines, response) => void held.passed.then(() => accept(lines, response))];
      const to = publisher({ maxQueueEvents: 3, maxBatchEvents: 2 });
      const outcomes = publishAll(to, ['a', 'b', 'c']);
      assert.throws(() => to.publish(landed('d')), { code: 'QUEUE_FULL', retryable: true });
      const order: string[] = [];
      const producers = ['e', 'f', 'g', 'h', 'i'].map(async (id) => {
        await to.ready();
        order.push(id);
        await to.publish(landed(id));
      });
      await until(() => assert.equal(server.requests.length, 1), 5_000);
      assert.deepEqual([order, to.pending], [[], 3]);
      held.open();
      await Promise.all([...outcomes, ...producers]);
      assert.deepEqual(sentIds().flat(), ['a', 'b', 'c', 'e', 'f', 'g', 'h', 'i']);
      assert.equal(to.pending, 0);
    });

    it('of bytes, throws as well', async () => {
      const to = publisher({ maxQueueBytes: 1_000, maxDelayMs: NEVER_MS, maxBatchBytes: 1e6 });
      void to.publish(landed('a', { data: 'x'.repeat(2_000) }));
      assert.throws(() => to.publish(landed('b')), { code: 'QUEUE_FULL' });
      await to.flush();
      void to.publish(landed('b'));
      await to.flush();
      assert.deepEqual(sentIds(), [['a'], ['b']]);
    });
  });

  it('flushes what was published before, without waiting for its delay', async () => {
    const to = publisher({ maxDelayMs: NEVER_MS, maxBatchEvents: 2 });
    void publishAll(to, ['a', 'b', 'c']);
    await to.flush();
    assert.deepEqual(sentIds(), [['a', 'b'], ['c']]);
    assert.equal(to.pending, 0);
    await to.flush();
    assert.equal(server.requests.length, 2);
  });

  describe('that is closed', () => {
    it('sends what waits, and takes no more', async () => {
      const to = publisher({ maxDelayMs: NEVER_MS });
      const outcomes = publishAll(to, ['a', 'b']);
      assert.deepEqual(await to.close(), []);
      assert.deepEqual(
        (await Promise.all(outcomes)).map(({ status }) => status),
        ['accepted', 'accepted'],
      );
      assert.throws(() => to.publish(landed('c')), { code: 'PUBLISHER_CLOSED' });
      await to.ready();
      assert.deepEqual(await to.close(), []);
    });

    it('gives back what it could not send in time, to be published again under the same ids', async () => {
      server.script = [problem(429, { 'retry-after': '3600' })];
      const to = publisher({ maxBatchEvents: 2 });
      const outcomes = publishAll(to, ['a', 'b', 'c']);
      await until(() => assert.equal(server.requests.length, 1), 5_000);
      const unsent = await to.close({ withinMs: 50 });
      assert.deepEqual(
        unsent.map(({ id }) => id),
        ['a', 'b', 'c'],
      );
      for (const each of outcomes) await assert.rejects(each, { code: 'NOT_SENT' });
      assert.deepEqual(lost, [{ code: 'NOT_SENT', ids: ['a', 'b', 'c'] }]);
      server.script = [accept];
      const again = publisher();
      for (const event of unsent) void again.publish(event);
      await again.close();
      assert.deepEqual(sent().at(-1), unsent);
    });

    it('calls off a request that is not answered in time', async () => {
      let closed = false;
      server.script = [(_, response) => void response.once('close', () => (closed = true))];
      const to = publisher({ maxDelayMs: 0 });
      void to.publish(landed('a'));
      await until(() => assert.equal(server.requests.length, 1), 5_000);
      assert.equal((await to.close({ withinMs: 10 })).length, 1);
      await until(() => assert.ok(closed), 15_000);
    });
  });

  it('refuses what is not an event, and options that cannot be', () => {
    const loop: Record<string, unknown> = {};
    loop.self = loop;
    assert.throws(() => publisher().publish(landed('a', { data: loop })), { code: 'EVENT_INVALID' });
    for (const options of [{ maxBatchEvents: 0 }, { concurrency: NaN }, { maxDelayMs: -1 }, { retries: -1 }])
      assert.throws(() => publisher(options), { code: 'OPTION_INVALID' }, JSON.stringify(options));
  });
});
