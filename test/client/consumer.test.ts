import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { consume } from '../../packages/client/src/consumer.js';
import type { HeadgateError } from '../../packages/client/src/error.js';
import { until } from '../support/until.js';

interface Asked {
  readonly call: string;
  readonly ackIds: readonly string[];
}

describe('a consumer whose process is held up', () => {
  let server: Server;
  let asked: Asked[];
  /** By the server: leases that it has ended. */
  let ended: Set<string>;
  let messages: readonly object[];
  let clock: number;

  beforeEach(async () => {
    [asked, ended, clock] = [[], new Set(), 1_000_000];
    messages = ['a', 'b', 'c'].map((id) => ({ ackId: `lease-${id}`, attempt: 1, event: { id } }));
    server = createServer((request, response) => {
      void json(request).then((body) => {
        const call = request.url?.split('/').at(-1) ?? '';
        response.setHeader('content-type', 'application/json');
        if (call === 'pull') {
          const given = messages;
          messages = [];
          const wait = given.length > 0 ? 0 : 20;
          return setTimeout(() => response.end(JSON.stringify({ messages: given })), wait);
        }
        const { ackIds } = body as Asked;
        asked.push({ call, ackIds });
        const results = ackIds.map((ackId) => ({ ackId, status: ended.has(ackId) ? 'stale' : 'ok' }));
        const live = results.some(({ status }) => status === 'ok');
        response.statusCode = live ? 200 : 409;
        return response.end(JSON.stringify({ results, ...(!live && { code: 'LEASE_STALE' }) }));
      });
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  });
  afterEach(() => {
    server.closeAllConnections();
    return new Promise((closed) => server.close(closed));
  });

  /** Holds the process up for a time while it handles the first event. */
  async function run(heldUpMs: number, onHeldUp: () => void = () => undefined) {
    const handled: string[] = [];
    const errors: string[] = [];
    const endpoint = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token: () => 't' };
    const handler = ({ id }: { id: string }): void => {
      handled.push(id);
      if (id !== 'a') return;
      clock += heldUpMs;
      onHeldUp();
    };
    const onError = (error: unknown, event?: { id: string }) =>
      void errors.push(`${(error as HeadgateError).code} ${event?.id ?? ''}`);
    const consumer = consume(endpoint, 'queue', handler, { concurrency: 1, onError }, () => clock);
    await until(() => assert.ok(handled.length + errors.length >= 3), 10_000);
    await consumer.stop();
    return { handled, errors };
  }
  const idsOf = (call: string) =>
    asked
      .filter((each) => each.call === call)
      .flatMap(({ ackIds }) => ackIds)
      .sort();

  it('does not begin an event whose lease is over, and says so', async () => {
    const result = await run(11_000, () => (ended = new Set(['lease-a', 'lease-b', 'lease-c'])));
    assert.deepEqual(result.handled, ['a']);
    assert.deepEqual(result.errors.sort(), ['LEASE_LOST a', 'LEASE_LOST b', 'LEASE_LOST c']);
    assert.deepEqual(idsOf('ack'), ['lease-a']);
    assert.deepEqual(idsOf('modify-ack-deadline'), ['lease-b', 'lease-c'], 'asked once for all');
  });

  it('goes on with those that the server still keeps', async () => {
    const { handled, errors } = await run(11_000);
    assert.deepEqual([handled, errors], [['a', 'b', 'c'], []]);
    assert.deepEqual(idsOf('modify-ack-deadline'), ['lease-b', 'lease-c']);
    assert.deepEqual(idsOf('ack'), ['lease-a', 'lease-b', 'lease-c']);
  });

  it('asks for nothing that is sure', async () => {
    const { handled } = await run(4_000);
    assert.deepEqual([handled, idsOf('modify-ack-deadline')], [['a', 'b', 'c'], []]);
  });
});
