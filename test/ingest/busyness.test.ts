import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { createBusyness } from '../../src/ingest/busyness.js';

describe('how busy the machine is', () => {
  it('is near one after a while in which nothing else could run', () => {
    const busyness = createBusyness();
    const until = performance.now() + 300;
    while (performance.now() < until);
    assert.ok(busyness() > 0.9);
  });

  it('is a share, and stays what it was for a moment', async () => {
    const busyness = createBusyness();
    await delay(300);
    const share = busyness();
    assert.ok(share >= 0 && share <= 1, `${share}`);
    assert.equal(busyness(), share);
  });
});
