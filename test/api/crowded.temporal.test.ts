import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { cloudEvent } from '../support/api.js';
import { startPulling, type Pulling } from '../support/pulling.js';
import { until } from '../support/until.js';

const MAX_CONNECTIONS = 40;
const HOG = 'crowd-hog';
const QUIET = 'crowd-quiet';

describe('a node with few connections', function () {
  this.timeout(60_000);
  let pulling: Pulling;
  const sockets: Socket[] = [];

  before(async () => {
    const queues = ['one', 'two', 'three'].map((name) => ({ name, kind: 'pull' }));
    pulling = await startPulling({ [HOG]: queues, [QUIET]: [] }, {}, undefined, {
      maxLongPolls: 4,
      connections: { maxConnections: MAX_CONNECTIONS },
      admission: { maxOpenRequests: 32 },
    });
  });
  after(async () => {
    for (const socket of sockets) socket.destroy();
    await pulling.stop();
    assert.deepEqual(pulling.api.faults, []);
  });

  /** On a connection of its own. */
  async function post(id: string): Promise<number> {
    const token = await pulling.api.token({ tenant: QUIET });
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const options = { method: 'POST', headers, agent: new Agent({ keepAlive: false }) };
    return new Promise((resolve, reject) => {
      request(`${pulling.api.url}/v1/events`, options, (response) => {
        response.resume().once('end', () => resolve(response.statusCode ?? 0));
      })
        .once('error', reject)
        .end(JSON.stringify(cloudEvent(id)));
    });
  }

  it('serves a tenant while another waits on all of its subscriptions, and nobody sends half headers', async () => {
    const refused: { status: number; code?: string }[] = [];
    for (let round = 0; round < 4; round++) {
      const polls = Array.from({ length: 12 }, (_, n) =>
        pulling.call(HOG, ['one', 'two', 'three'][n % 3]!, 'pull', { waitMs: 30_000 }),
      );
      for (const poll of polls) void poll.then((answer) => refused.push(answer));
      const sofar = 12 * (round + 1) - 4;
      await until(() => assert.equal(refused.length, sofar, 'four wait, on all subscriptions'), 10_000);
    }
    for (const { status, code } of refused) assert.deepEqual([status, code], [429, 'TENANT_IN_FLIGHT_FULL']);
    for (let n = 0; n < 2 * MAX_CONNECTIONS; n++) {
      const socket = connect(Number(new URL(pulling.api.url).port), '127.0.0.1');
      socket.on('error', () => undefined).write('POST /v1/events HTTP/1.1\r\nX-Slow: ');
      sockets.push(socket);
    }
    for (let n = 0; n < 20; n++) assert.equal(await post(`served ${n}`), 202);
    const limited = await pulling.api.post('{"waitMs": 30000}', {
      path: '/v1/subscriptions/one/pull',
      token: await pulling.api.token({ tenant: HOG }),
    });
    assert.deepEqual([limited.status, limited.headers.get('retry-after')], [429, '5']);
    assert.ok(limited.headers.get('ratelimit'));
    assert.equal((await pulling.call(QUIET, 'one', 'pull')).status, 404);
  });
});
