import assert from 'node:assert/strict';
import fc from 'fast-check';
import { LoadCounts } from '../../../../src/activities/warehouse/load-control/load-counts.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const START = Date.UTC(2026, 2, 1);

describe('the load jobs of a table', () => {
  let counts: LoadCounts;

  beforeEach(() => {
    counts = new LoadCounts();
  });

  it('are those of the last 24 hours: a steady stream of them is counted as it is', () => {
    for (let minute = 0; minute < 48 * 60; minute += 1) {
      const now = START + minute * MINUTE_MS;
      counts.add(now);
      const exact = Math.min(minute + 1, 24 * 60);
      assert.ok(Math.abs(counts.used(now) - exact) <= 1.5, `${counts.used(now)} after ${minute} minutes`);
    }
    assert.equal(counts.used(START + 48 * HOUR_MS + 25 * HOUR_MS), 0);
  });

  it('never miss one of the last 23 hours, and hold none of 25 hours ago', () => {
    const times = fc.array(fc.integer({ min: 0, max: 50 * HOUR_MS }), { maxLength: 200 });
    fc.assert(
      fc.property(times, (offsets) => {
        const table = new LoadCounts();
        const sorted = offsets.sort((a, b) => a - b).map((offset) => START + offset);
        for (const time of sorted) table.add(time);
        const now = START + 50 * HOUR_MS;
        const within = (hours: number) => sorted.filter((time) => time > now - hours * HOUR_MS).length;
        const used = table.used(now);
        assert.ok(used >= within(23) && used <= within(25), `${used} of ${within(23)} to ${within(25)}`);
      }),
    );
  });

  it('tell when they are few enough again', () => {
    for (let job = 0; job < 60; job += 1) counts.add(START + job * MINUTE_MS);
    for (let job = 0; job < 30; job += 1) counts.add(START + 5 * HOUR_MS);
    for (const [after, jobs] of [
      [0, 1],
      [0, 60],
      [18.5 * HOUR_MS, 10],
      [0, 75],
    ] as const) {
      const now = START + 6 * HOUR_MS + after;
      const used = counts.used(now);
      const later = now + counts.freeAfterMs(jobs, now);
      assert.ok(Math.abs(used - counts.used(later) - jobs) < 0.01, `${jobs} jobs, ${after} ms on`);
    }
  });

  it('of other processes are added when they are looked at, and the own ones are not counted twice', () => {
    const now = START + HOUR_MS;
    counts.add(now);
    counts.add(now);
    const before = counts.own();
    counts.add(now + 1);
    // Of 5 that are noted two are its own; the third was submitted after the look had begun.
    counts.restore([now, now, now, now, now - HOUR_MS], before, now + 2);
    assert.equal(counts.used(now + 2), 6);
    counts.restore([now, now, now, now, now, now - HOUR_MS], counts.own(), now + 3);
    assert.equal(counts.used(now + 3), 6);
  });

  it('that are not noted anywhere stay', () => {
    for (let job = 0; job < 3; job += 1) counts.add(START);
    counts.restore([START], counts.own(), START);
    assert.equal(counts.used(START), 3);
  });

  it('are few numbers, however many there have been', () => {
    for (let hour = 0; hour < 1_000; hour += 1) counts.add(START + hour * HOUR_MS);
    assert.ok(counts.own().size <= 25, `${counts.own().size} hours`);
  });
});
