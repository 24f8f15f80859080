import assert from 'node:assert/strict';
import fc from 'fast-check';
import { AimdRate } from '../../src/platform/aimd-rate.js';

const CEILING = 200;
const FAILED = { seconds: 1, failure: 'WAREHOUSE_FAILED' };
const DONE = { seconds: 0.5 };

describe('a rate by additive increase and multiplicative decrease', () => {
  let now: number;
  let aimd: AimdRate;

  beforeEach(() => {
    now = 1_000_000;
    aimd = new AimdRate();
  });

  /** Work every so often, for some time. */
  function work(outcome: { seconds: number; failure?: string }, everyMs: number, forMs: number): void {
    for (const end = now + forMs; now < end; now += everyMs) aimd.observe(outcome, CEILING, now);
  }

  /** Work as fast as the rate allows, as with a backlog; returns how many pieces. */
  function workOff(pieces: number): number {
    const began = now;
    for (let n = 0; n < pieces; n++) {
      aimd.observe(DONE, CEILING, now);
      now += 1_000 / Math.min(aimd.heldBackTo ?? CEILING, CEILING);
    }
    return (now - began) / 1_000;
  }

  it('is open while work succeeds', () => {
    work(DONE, 1_000, 60_000);
    assert.equal(aimd.heldBackTo, undefined);
  });

  it('is halved by a failure, starting from what was being done, and says why', () => {
    work(DONE, 500, 60_000);
    aimd.observe(FAILED, CEILING, now);
    const rate = aimd.heldBackTo ?? 0;
    assert.ok(rate > 0.8 && rate < 1.2, `${rate}: two a second were done`);
    assert.equal(aimd.reason, 'WAREHOUSE_FAILED');
  });

  it('takes failures side by side for one', () => {
    work(DONE, 100, 60_000);
    aimd.observe(FAILED, CEILING, now);
    const rate = aimd.heldBackTo;
    for (let n = 0; n < 10; n++) aimd.observe(FAILED, CEILING, now + n * 100);
    assert.equal(aimd.heldBackTo, rate);
    aimd.observe(FAILED, CEILING, now + 5_000);
    assert.ok((aimd.heldBackTo ?? 0) < (rate ?? 0));
  });

  it('never falls below one try in ten seconds, however long work fails', () => {
    work(FAILED, 1_000, 3_600_000);
    assert.equal(aimd.heldBackTo, 0.1);
  });

  it('rises by steps while a backlog is worked off, and is open in the end', () => {
    work(FAILED, 10_000, 600_000);
    const seconds = workOff(700);
    assert.ok(seconds > 60 && seconds < 300, `700 pieces took ${seconds} s`);
    assert.ok(aimd.heldBackTo === undefined || aimd.heldBackTo > 5);
    work(DONE, 5_000, 120_000);
    assert.equal(aimd.heldBackTo, undefined);
  });

  it('is open again soon when little is asked for', () => {
    work(DONE, 5_000, 60_000);
    work(FAILED, 5_000, 60_000);
    work(DONE, 5_000, 60_000);
    assert.equal(aimd.heldBackTo, undefined);
  });

  it('is held back by work that takes much longer than it used to, until that is usual', () => {
    work(DONE, 1_000, 60_000);
    work({ seconds: 4.9 }, 5_000, 5_000);
    assert.equal(aimd.heldBackTo, undefined, 'under five seconds nothing is slow');
    work({ seconds: 20 }, 5_000, 10_000);
    assert.equal(aimd.reason, 'slow');
    assert.ok((aimd.heldBackTo ?? 1) < 0.5);
    work({ seconds: 20 }, 10_000, 600_000);
    assert.equal(aimd.heldBackTo, undefined);
  });

  it('stays between floor and ceiling, whatever happens and however the ceiling is changed', () => {
    const step = fc.record({
      afterMs: fc.nat(60_000),
      outcome: fc.constantFrom(DONE, FAILED, { seconds: 30 }),
      ceiling: fc.constantFrom(0.05, 0.5, 10, 200),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        aimd = new AimdRate();
        for (const { afterMs, outcome, ceiling } of steps) {
          now += afterMs;
          const before = aimd.heldBackTo;
          aimd.observe(outcome, ceiling, now);
          const rate = aimd.heldBackTo;
          if (rate === undefined) continue;
          assert.ok(rate >= 0.05 && rate <= Math.max(ceiling, before ?? 0), `${rate}`);
        }
      }),
    );
  });
});
