import assert from 'node:assert/strict';
import { createClient, type HeadgateClient } from '../../packages/client/src/index.js';
import { gate } from '../support/gate.js';
import { flights, startPulling, type Pulling } from '../support/pulling.js';
import { until } from '../support/until.js';

const TENANT = 'client-UA';

describe('headgate/client', function () {
  this.timeout(60_000);
  let pulling: Pulling;
  let client: HeadgateClient;
  let extended = 0;

  before(async () => {
    const names = ['all', 'fails', 'slow', 'stops'];
    pulling = await startPulling(
      { [TENANT]: names.map((name) => ({ name, kind: 'pull' })) },
      { slow: { ackDeadlineMs: 8_000 } },
      {
        onSettled: ({ call, ok }) => {
          if (call === 'modify-ack-deadline') extended += ok;
        },
      },
    );
    const token = () => pulling.api.token({ tenant: TENANT });
    client = createClient({ url: `${pulling.api.url}/`, token });
  });
  after(() => pulling.stop());

  const event = (id: string, more: object = {}) => ({ id, source: '/test', type: 'landed', ...more });

  it('publishes, and tells what has become of each event', async () => {
    const events = Array.from({ length: 1_100 }, (_, n) => event(`p-${n}`));
    const outcomes = await client.publish('events', [...events, event('bad', { time: 'never' }), events[3]!]);
    assert.equal(outcomes.length, 1_102);
    assert.deepEqual(
      outcomes.map(({ index }) => index),
      [...outcomes.keys()],
    );
    assert.ok(outcomes.slice(0, 1_100).every(({ status }) => status === 'accepted'));
    assert.deepEqual([outcomes[1_100]?.status, outcomes[1_100]?.code], ['rejected', 'invalid_attribute']);
    assert.equal(outcomes[1_101]?.status, 'duplicate');
  });

  it('gives an event an id if it has none, so that sending it again doubles nothing', async () => {
    const [outcome] = await client.publish('events', [{ source: '/test', type: 'landed' }]);
    assert.equal(outcome?.status, 'accepted');
    assert.match(outcome?.id ?? '', /^[0-9a-f-]{36}$/);
  });

  it('tells what is decided about a subject', async () => {
    await client.publish('user-properties', [event('d1', { subject: 'told', data: { seats: 200 } })]);
    assert.deepEqual((await client.decisions('told'))?.profile, { seats: 200 });
    assert.equal(await client.decisions('nobody/else'), undefined);
  });

  it('rejects with the answer of the server', async () => {
    const stranger = createClient({ url: pulling.api.url, token: await pulling.api.token({ scope: '' }) });
    const refused = { code: 'REQUEST_FAILED', retryable: false };
    await assert.rejects(stranger.decisions('told'), refused);
    await assert.rejects(stranger.publish('events', [event('x')]), (error: unknown) => {
      assert.equal((error as { details?: { code?: string } }).details?.code, 'TENANT_UNKNOWN');
      return true;
    });
    await assert.rejects(stranger.consume('all', () => undefined).ended, refused);
    await assert.rejects(client.consume('nothere', () => undefined).ended, refused);
  });

  it('consumes with no more handlers at once than it may, and acknowledges what they have done', async () => {
    const delivery = await pulling.deliver(TENANT, 'all', flights('a', 300));
    let running = 0;
    let most = 0;
    const seen: string[] = [];
    const consumer = client.consume(
      'all',
      async ({ id }) => {
        most = Math.max(most, ++running);
        await new Promise(setImmediate);
        running--;
        seen.push(id);
      },
      { concurrency: 7, maxMessages: 40 },
    );
    const { delivered, passes } = await pulling.resultOf(delivery);
    assert.deepEqual([delivered, passes, new Set(seen).size, seen.length, most], [300, 1, 300, 300, 7]);
    await consumer.stop();
  });

  it('gives back what a handler throws on, and hands it the next attempt', async () => {
    const delivery = await pulling.deliver(TENANT, 'fails', flights('f', 3));
    const attempts: [string, number][] = [];
    const errors: [unknown, string | undefined][] = [];
    const consumer = client.consume(
      'fails',
      ({ id }, { attempt }) => {
        attempts.push([id, attempt]);
        if (id === 'f-1' && attempt === 1) throw new Error('not yet');
      },
      { onError: (error, failed) => errors.push([(error as Error).message, failed?.id]) },
    );
    assert.equal((await pulling.resultOf(delivery)).delivered, 3);
    await consumer.stop();
    assert.deepEqual(attempts, [
      ['f-0', 1],
      ['f-1', 1],
      ['f-2', 1],
      ['f-1', 2],
    ]);
    assert.deepEqual(errors, [['not yet', 'f-1']]);
  });

  it('keeps an event while its handler runs', async () => {
    const delivery = await pulling.deliver(TENANT, 'slow', flights('s', 1));
    const attempts: number[] = [];
    const consumer = client.consume('slow', async (_event, { attempt }) => {
      attempts.push(attempt);
      await until(() => assert.ok(extended > 0), 20_000);
    });
    assert.equal((await pulling.resultOf(delivery)).delivered, 1);
    await consumer.stop();
    assert.deepEqual(attempts, [1]);
  });

  it('stops in order: begun handlers end and are acknowledged, the rest is for others', async () => {
    const delivery = await pulling.deliver(TENANT, 'stops', flights('t', 10));
    const held = gate();
    const begun: string[] = [];
    const first = client.consume(
      'stops',
      async ({ id }) => {
        begun.push(id);
        await held.passed;
      },
      { concurrency: 2 },
    );
    await until(() => assert.equal(begun.length, 2), 20_000);
    const stopped = first.stop();
    const rest: string[] = [];
    const second = client.consume('stops', ({ id }) => void rest.push(id));
    await until(() => assert.equal(rest.length, 8), 20_000);
    held.open();
    await stopped;
    assert.equal((await pulling.resultOf(delivery)).delivered, 10);
    await second.stop();
    assert.deepEqual(
      [...begun, ...rest].sort(),
      flights('t', 10).map(({ id }) => id),
    );
  });
});
