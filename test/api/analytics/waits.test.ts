import assert from 'node:assert/strict';
import { startTestApi, type TestApi } from '../../support/api.js';

/** The burst is two seconds' worth. */
const EVENTS_PER_SECOND = 20;

describe('analytics clients of a tenant that is over its rate', function () {
  this.timeout(60_000);
  let api: TestApi;

  before(async () => {
    api = await startTestApi({ limits: { eventsPerSecond: EVENTS_PER_SECOND } });
  });
  after(() => api.close());

  const batch = (name: string, events: number): string =>
    JSON.stringify({
      batch: Array.from({ length: events }, (_, number) => ({
        type: 'track',
        event: 'Seen',
        messageId: `${name}-${number}`,
        userId: 'u-1',
      })),
    });

  it('wait, where that is enough, and others are refused at once', async () => {
    // Two seconds' worth, and two more to be paid back.
    assert.equal((await api.post(batch('first', 4 * EVENTS_PER_SECOND), { path: '/v1/batch' })).status, 200);
    const began = performance.now();
    const [waited, refused] = await Promise.all([
      api.post(batch('second', 1), { path: '/v1/batch' }),
      api.post(JSON.stringify({ specversion: '1.0', id: 'e', source: '/s', type: 't' })),
    ]);
    assert.deepEqual([waited.status, refused.status], [200, 429]);
    assert.ok(performance.now() - began > 900, 'it was not admitted before its time');
    await api.drained();
    assert.equal(api.events().length, 4 * EVENTS_PER_SECOND + 1);
  });

  it('are refused where they would wait for longer than a client does', async () => {
    const many = 20 * EVENTS_PER_SECOND;
    const sent = await api.post(batch('third', many), { path: '/v1/batch' });
    assert.equal(sent.status, 200);
    const { status, headers } = await api.post(batch('fourth', 1), { path: '/v1/batch' });
    assert.equal(status, 429);
    assert.ok(Number(headers.get('retry-after')) > 8);
  });
});
