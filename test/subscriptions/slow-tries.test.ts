import assert from 'node:assert/strict';
import { SlowTries } from '../../src/subscriptions/slow-tries.js';

const SECOND = 1_000;

describe('tries that take long', () => {
  it('are slow on average of half a minute, since when they began to be, until they are clearly fast', () => {
    const tries = new SlowTries();
    for (let at = 0; at < 20; at++) assert.equal(tries.observe(0.01, at * SECOND), undefined);
    const slow = Array.from({ length: 30 }, (_, at) => tries.observe(5, (20 + at) * SECOND));
    const first = slow.findIndex((each) => each !== undefined);
    assert.ok(first > 3 && first < 20, `${first}`);
    assert.deepEqual(slow.at(-1), { since: (20 + first) * SECOND, seconds: 5 });
    let at = 50;
    while (tries.observe(0.01, at * SECOND) !== undefined) at++;
    assert.ok(at < 80, `${at}`);
  });

  it('are not slow for one that takes long among many', () => {
    const tries = new SlowTries();
    for (let at = 0; at < 60; at++)
      assert.equal(tries.observe(at % 20 === 19 ? 10 : 0.1, at * SECOND), undefined);
  });

  it('count for half a minute, whatever the clock does', () => {
    const tries = new SlowTries();
    assert.ok(tries.observe(30, 1_000 * SECOND));
    assert.equal(tries.observe(0.1, 1_040 * SECOND), undefined);
    assert.ok(tries.observe(30, 2_000 * SECOND));
    assert.equal(tries.observe(0.1, 10 * SECOND), undefined);
  });
});
