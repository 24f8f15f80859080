import assert from 'node:assert/strict';
import {
  createProjectWindowLength,
  FULL_OF_JOBS,
} from '../../../../src/activities/warehouse/load-control/project-windows.js';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const SMALL = { batches: 1, bytes: 1_000 };

describe('the length of load windows in BigQuery', () => {
  let lengthOf: (tenant: string, more?: object) => number;

  beforeEach(() => {
    const length = createProjectWindowLength();
    lengthOf = (tenant, more = {}) =>
      length({ project: 'one', tenant, configuredMs: 5 * MINUTE_MS, size: SMALL, now: 0, ...more });
  });

  /** Each of a number of tenants announces a batch; gives the length of each one's window when all have been seen. */
  function announceAll(tenants: number, more: object = {}): number[] {
    const names = Array.from({ length: tenants }, (_, n) => `t${n}`);
    for (const name of names) lengthOf(name, more);
    return names.map((name) => lengthOf(name, more));
  }

  /** Load jobs a day of tenants with such windows, each of all three streams. */
  const jobsADay = (windows: readonly number[]) =>
    windows.reduce((sum, windowMs) => sum + (3 * DAY_MS) / windowMs, 0);

  it('is as configured while the project takes that many jobs, and never so short that a table would not', () => {
    assert.deepEqual([...new Set(announceAll(100))], [5 * MINUTE_MS]);
    const shortest = lengthOf('short', { project: 'two', configuredMs: MINUTE_MS });
    assert.equal(shortest, 70 * SECOND_MS);
    assert.ok(DAY_MS / shortest < 1_300);
  });

  it('gets longer by the same factor for all tenants of a project, so that the day has room for all their jobs', () => {
    for (const tenants of [104, 105, 300, 1_000]) {
      const windows = announceAll(tenants);
      assert.equal(new Set(windows).size, 1, `${tenants} tenants`);
      const jobs = jobsADay(windows);
      assert.ok(jobs <= 90_000, `${tenants} tenants: ${jobs} jobs`);
      assert.ok(jobs > 22_500, `${tenants} tenants: ${jobs} jobs, where twice as many windows would do`);
    }
  });

  it('keeps the measure of three tenants: who has windows twice as long has them twice as long in the crowd', () => {
    announceAll(300);
    const lengths = [2, 5, 10].map((minutes) =>
      lengthOf(`m${minutes}`, { configuredMs: minutes * MINUTE_MS }),
    );
    assert.deepEqual(
      lengths.map((windowMs) => windowMs / lengths[0]!),
      [1, 2.5, 5],
    );
  });

  it('is not changed by the tenants of another project', () => {
    announceAll(1_000);
    assert.equal(lengthOf('alone', { project: 'two' }), 5 * MINUTE_MS);
    assert.ok(lengthOf('t0') > 5 * MINUTE_MS);
  });

  it('never passes an hour, unless it is configured so', () => {
    assert.deepEqual([...new Set(announceAll(3_000))], [HOUR_MS]);
    assert.equal(lengthOf('slow', { configuredMs: 6 * HOUR_MS }), 6 * HOUR_MS);
  });

  it('comes back when tenants have been quiet for three of their windows', () => {
    const [stretched = 0] = announceAll(300);
    assert.equal(lengthOf('t0', { now: stretched }), stretched, 'they are still active');
    const quiet = 4 * stretched + SECOND_MS + 1;
    assert.equal(lengthOf('t0', { now: quiet }), 5 * MINUTE_MS);
  });

  it('counts a tenant once, however often it announces and whatever its window becomes', () => {
    for (let n = 0; n < 10_000; n += 1)
      lengthOf('busy', {
        now: n,
        configuredMs: (2 + (n % 5)) * MINUTE_MS,
        size: { batches: 0.01, bytes: 1 },
      });
    assert.equal(lengthOf('busy', { now: 10_000 }), 5 * MINUTE_MS);
  });

  it('is about what it takes to fill a window where there is enough, in a crowd as well', () => {
    announceAll(1_000);
    assert.ok(lengthOf('busy') >= 40 * MINUTE_MS);
    // 4 batches of events a second, and the decisions on them, of 0.6 MB each: full after some 110 s by bytes.
    const size = { batches: 2, bytes: 1_200_000 };
    const lengths = new Set<number>();
    for (let now = 0; now < HOUR_MS; now += 250) {
      announceEveryMinute(now);
      const windowMs = lengthOf('busy', { now, size });
      if (now > 2 * MINUTE_MS) lengths.add(windowMs);
    }
    assert.equal(lengths.size, 1, [...lengths].join());
    const [windowMs = 0] = lengths;
    assert.ok(windowMs >= 70 * SECOND_MS && windowMs <= 112 * SECOND_MS, `${windowMs} ms`);
    // What Temporal lets a window take: 10,000 signals, 51,200 events of history.
    assert.ok((windowMs / 250) * 4 < 10_000);
  });

  /** Keeps the crowd active. */
  function announceEveryMinute(now: number): void {
    if (now % MINUTE_MS === 0) announceAll(1_000, { now });
  }

  it('gets longer again when less comes', () => {
    const full = { ...FULL_OF_JOBS, bytes: 0 };
    lengthOf('busy');
    assert.equal(lengthOf('busy', { size: full, now: 100 * SECOND_MS }), 75 * SECOND_MS);
    const calm = 100 * SECOND_MS + 5 * MINUTE_MS;
    assert.equal(lengthOf('busy', { now: calm }), 5 * MINUTE_MS);
  });
});
