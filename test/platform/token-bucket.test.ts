import assert from 'node:assert/strict';
import fc from 'fast-check';
import { TokenBucket } from '../../src/platform/token-bucket.js';

describe('a token bucket', () => {
  const RATE = 100;
  let now: number;
  let bucket: TokenBucket;

  beforeEach(() => {
    now = 1_000_000;
    bucket = new TokenBucket();
  });

  /** Takes if anything is left; the seconds to wait otherwise. */
  function ask(amount: number): number {
    const wait = bucket.waitSeconds(RATE, now);
    if (wait === 0) bucket.take(amount, RATE, now);
    return wait;
  }

  it('lets in a burst of two seconds and what comes on top, and has that paid back', () => {
    assert.equal(ask(150), 0);
    assert.equal(ask(850), 0);
    assert.equal(ask(1), 9, '800 in debt, at 100 a second, and a little more');
    now += 8_000;
    assert.equal(ask(1), 1, 'never 0, which would mean "at once"');
    now += 10;
    assert.equal(ask(1), 0);
    assert.equal(ask(1), 1);
  });

  it('holds no more than the burst, however long nothing came', () => {
    assert.equal(ask(1), 0);
    now += 24 * 3_600_000;
    assert.equal(bucket.left(RATE, now), 200);
  });

  it('is not confused by a clock that goes back', () => {
    assert.equal(ask(300), 0);
    now -= 3_600_000;
    assert.equal(ask(1), 2);
    now += 2_000;
    assert.equal(ask(1), 0);
  });

  it('follows its rate when that is changed, and lets nothing in at 0', () => {
    assert.equal(ask(300), 0);
    assert.equal(bucket.waitSeconds(1_000, now), 1);
    assert.equal(bucket.waitSeconds(10, now), 11);
    assert.equal(bucket.waitSeconds(0, now), Number.POSITIVE_INFINITY);
  });

  it('lets in what the rate allows over any time, plus a burst and one request', () => {
    const request = fc.record({ afterMs: fc.nat(2_000), amount: fc.integer({ min: 1, max: 500 }) });
    fc.assert(
      fc.property(fc.array(request, { maxLength: 100 }), (requests) => {
        bucket = new TokenBucket();
        const start = now;
        let taken = 0;
        for (const { afterMs, amount } of requests) {
          now += afterMs;
          if (ask(amount) === 0) taken += amount;
        }
        assert.ok(taken <= 200 + ((now - start) / 1_000) * RATE + 500 + 1e-6);
      }),
    );
  });

  it('lets in the same request after the time it named', () => {
    const requests = fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(requests, (amounts) => {
        bucket = new TokenBucket();
        for (const amount of amounts) {
          const wait = ask(amount);
          now += wait * 1_000;
          if (wait > 0) assert.equal(ask(amount), 0);
        }
      }),
    );
  });
});
