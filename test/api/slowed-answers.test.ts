import assert from 'node:assert/strict';
import { install, type Clock } from '@sinonjs/fake-timers';
import { FloodWatch, SlowedAnswers } from '../../src/api/slowed-answers.js';

describe('answers that are held back', () => {
  let clock: Clock;
  before(() => {
    clock = install({ toFake: ['setTimeout', 'clearTimeout'] });
  });
  after(() => clock.uninstall());

  it('wait a second, and longer the more of one key wait', async () => {
    const slowed = new SlowedAnswers();
    let given = 0;
    for (let n = 0; n < 200; n++) void slowed.hold('UA').then(() => given++);
    let other = 0;
    void slowed.hold('DL').then(() => other++);
    await clock.tickAsync(999);
    assert.deepEqual([given, other], [0, 0]);
    await clock.tickAsync(1);
    assert.deepEqual([given, other], [51, 1], 'the other one is not behind them');
    await clock.tickAsync(1_000);
    assert.equal(given, 101);
    await clock.tickAsync(10_000);
    assert.equal(given, 200);
  });
});

describe('an answer that is held back', () => {
  it('is given at once when it is released', async () => {
    await new SlowedAnswers().hold('UA', (release) => setImmediate(release));
  }).timeout(900);
});

describe('a flood', () => {
  it('is more than fifty in a second, of one key', () => {
    const watch = new FloodWatch();
    const counted = Array.from({ length: 60 }, () => watch.isFlood('UA', 5_000));
    assert.equal(counted.indexOf(true), 50);
    assert.equal(watch.isFlood('DL', 5_999), false);
    assert.equal(watch.isFlood('UA', 6_000), false);
  });
});
