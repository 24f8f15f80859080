import assert from 'node:assert/strict';
import { createWindowLength } from '../../../../src/activities/warehouse/load-control/window-length.js';

const MINUTE_MS = 60_000;

describe('the length of load windows', () => {
  /** Lets a number of tenants announce a batch at `now`, and gives the length of the last one's window. */
  function announceAll(
    lengthOf: ReturnType<typeof createWindowLength>,
    tenants: number,
    now: number,
  ): number {
    let windowMs = 0;
    for (let n = 0; n < tenants; n++) windowMs = lengthOf(`t${n}`, 5_000, now);
    return windowMs;
  }

  it('is as configured while Temporal sustains that many windows', () => {
    const lengthOf = createWindowLength(4);
    // 4 windows a second, of 5 s each, are the windows of 20 tenants.
    assert.equal(announceAll(lengthOf, 20, 0), 5_000);
    assert.equal(lengthOf('other', 1_000, 0), 8_000, 'a short one is stretched by the same measure');
  });

  it('doubles as often as it takes when more tenants are active', () => {
    for (const [tenants, expected] of [
      [21, 5_000],
      [22, 10_000],
      [41, 10_000],
      [42, 20_000],
      [200, 80_000],
      [1_000, 320_000],
    ] as const) {
      assert.equal(announceAll(createWindowLength(4), tenants, 0), expected, `${tenants} tenants`);
    }
  });

  it('never passes ten minutes, however many there are, unless it is configured so', () => {
    const lengthOf = createWindowLength(1);
    const longest = announceAll(lengthOf, 20_000, 0);
    assert.ok(longest > 5 * MINUTE_MS && longest <= 10 * MINUTE_MS, `${longest} ms`);
    assert.equal(lengthOf('slow', 60 * MINUTE_MS, 0), 60 * MINUTE_MS);
  });

  it('counts a tenant once, however often it announces', () => {
    const lengthOf = createWindowLength(4);
    for (let n = 0; n < 1_000; n++) assert.equal(lengthOf('UA', 5_000, n), 5_000);
  });

  it('comes back when tenants have been quiet for three of their windows', () => {
    const lengthOf = createWindowLength(4);
    const stretched = announceAll(lengthOf, 100, 0);
    assert.equal(stretched, 40_000);
    assert.equal(lengthOf('UA', 5_000, 10_000), stretched, 'they are still active');
    const quiet = 3 * stretched + 1_001;
    lengthOf('UA', 5_000, quiet);
    assert.equal(lengthOf('UA', 5_000, quiet), 5_000);
  });
});
