import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { paced } from '../../src/api/reader-pace.js';

async function* lines(count: number, everyMs = 0): AsyncGenerator<string> {
  for (let n = 0; n < count; n++) {
    if (everyMs > 0) await delay(everyMs);
    yield 'x'.repeat(1_000);
  }
}

describe('an answer that is read too slowly', () => {
  const pace = { graceMs: 100, minBytesPerSecond: 1_000_000 };

  it('is said to be so once, while its reader takes nothing', async () => {
    let slow = 0;
    const reading = paced(lines(5), () => slow++, pace);
    await reading.next();
    await delay(150);
    assert.equal(slow, 1);
    await reading.return();
  });

  it('is not the one whose reader waits for it', async () => {
    let slow = 0;
    let read = 0;
    for await (const line of paced(lines(5, 60), () => slow++, pace)) read += line.length;
    assert.deepEqual([slow, read], [0, 5_000]);
  });

  it('is also the one that is read a little at a time', async () => {
    let slow = 0;
    let read = 0;
    for await (const line of paced(lines(10), () => slow++, pace)) {
      read += line.length;
      await delay(30);
    }
    assert.ok(slow > 0 && read === 10_000);
  });
});
