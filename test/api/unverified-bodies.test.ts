import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import type { IncomingMessage } from 'node:http';
import { UnverifiedBodies } from '../../src/api/sources/unverified-bodies.js';

/** A request whose body is written by the test. */
function requestFrom(remoteAddress: string): PassThrough & IncomingMessage {
  const socket = { remoteAddress };
  return Object.assign(new PassThrough(), { headers: {}, socket }) as unknown as PassThrough &
    IncomingMessage;
}

describe('bodies that are not verified yet', () => {
  const MOST = 1_000;

  /** Sends a body that stays in use until the test lets it go. */
  function held(bodies: UnverifiedBodies, address: string, bytes: number) {
    const request = requestFrom(address);
    let release = (): void => undefined;
    const inUse = new Promise<void>((resolve) => (release = resolve));
    const began = new Promise<void>((begin) => {
      const done = bodies.while(request, MOST, () => {
        begin();
        return inUse;
      });
      request.end(Buffer.alloc(bytes));
      Object.assign(request, { done });
    });
    return { began, release, done: (request as unknown as { done: Promise<void> }).done };
  }

  it('are bounded by address and together, and give back what they held', async () => {
    const bodies = new UnverifiedBodies(undefined, MOST);
    const first = held(bodies, '192.0.2.1', 500);
    await first.began;
    await assert.rejects(held(bodies, '192.0.2.1', 501).done, { code: 'OVERLOADED' });
    const second = held(bodies, '192.0.2.2', 300);
    await second.began;
    await assert.rejects(
      held(bodies, '192.0.2.1', 150).done.then(() => assert.fail()),
      { code: 'ADDRESS_RATE_LIMITED' },
    );
    for (const each of [first, second]) {
      each.release();
      await each.done;
    }
    const all = held(bodies, '192.0.2.3', 1_000);
    await all.began;
    all.release();
    await all.done;
  });

  it('count as they come, not as they are announced', async () => {
    const bodies = new UnverifiedBodies(undefined, MOST);
    const slow = requestFrom('192.0.2.1');
    slow.headers['content-length'] = '1000';
    const reading = bodies.while(slow, MOST, () => Promise.resolve());
    const other = held(bodies, '192.0.2.2', 900);
    await other.began;
    other.release();
    await other.done;
    slow.end(Buffer.alloc(1_000));
    await reading;
  });
});
