import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createClient, type Publisher, type PublisherOptions } from '../../packages/client/src/index.js';
import { startTestApi, type TestApi, type TestApiOptions } from '../support/api.js';

describe('a publisher and the API', function () {
  this.timeout(60_000);
  let api: TestApi;
  afterEach(async () => {
    await api.close();
    assert.deepEqual(api.faults, []);
  });

  async function start(api_: TestApiOptions, options: PublisherOptions): Promise<Publisher> {
    api = await startTestApi(api_);
    return createClient({ url: api.url, token: () => api.token() }).publisher({
      source: '/test',
      ...options,
    });
  }

  it('publishes all of it, once and in order, though the tenant sends more than it may', async () => {
    const publisher = await start({ limits: { eventsPerSecond: 50 } }, { maxBatchEvents: 50 });
    const answers: number[] = [];
    const note = (message: unknown): void =>
      void answers.push((message as { response: { statusCode: number } }).response.statusCode);
    subscribe('undici:request:headers', note);
    const ids = Array.from({ length: 300 }, (_, n) => `e${n}`);
    const outcomes = ids.map((id) => publisher.publish({ id, type: 'landed', subject: 's' }));
    assert.deepEqual(await publisher.close({ withinMs: 40_000 }), []);
    unsubscribe('undici:request:headers', note);
    assert.ok(answers.includes(429), answers.join());
    const statuses = (await Promise.all(outcomes)).map(({ status }) => status);
    assert.ok(statuses.every((status) => status === 'accepted'));
    await api.drained();
    assert.deepEqual(
      api.events().map(({ id }) => id),
      ids,
    );
  });

  it('is told why an event is rejected, and that one is a duplicate', async () => {
    const rejected: (string | undefined)[] = [];
    const publisher = await start({}, { onRejected: ({ code }, { id }) => rejected.push(id, code) });
    const outcomes = ['a', 'b', 'a'].map((id) =>
      publisher.publish({ id, type: 'landed', time: id === 'b' ? 'never' : '2024-03-10T12:00:00Z' }),
    );
    assert.deepEqual(
      (await Promise.all(outcomes)).map(({ status }) => status),
      ['accepted', 'rejected', 'duplicate'],
    );
    assert.deepEqual(rejected, ['b', 'invalid_attribute']);
    await publisher.close();
  });

  it('publishes properties of subjects, which are there with the answer', async () => {
    const publisher = await start({}, { stream: 'user-properties' });
    await publisher.publish({ type: 'known', subject: 'c-7', data: { seats: 2 } });
    const client = createClient({ url: api.url, token: await api.token() });
    assert.deepEqual((await client.decisions('c-7'))?.profile, { seats: 2 });
    await publisher.close();
  });
});
