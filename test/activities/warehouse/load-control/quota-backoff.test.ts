import assert from 'node:assert/strict';
import { QuotaBackoff } from '../../../../src/activities/warehouse/load-control/quota-backoff.js';

describe('the time between loads after too many', () => {
  let backoff: QuotaBackoff;
  let now: number;

  beforeEach(() => {
    backoff = new QuotaBackoff();
    now = 1_000_000;
  });

  function refuse(retryAfterMs = 0): number {
    backoff.refused('UA', retryAfterMs, now);
    return backoff.spacingMs('UA');
  }

  it('is none at first', () => {
    for (let load = 0; load < 3; load += 1) assert.equal(backoff.takeTurn('UA', now), 0);
    assert.equal(backoff.spacingMs('UA'), 0);
  });

  it('is a minute, or what is asked for, doubled by each refusal, an hour at most', () => {
    const spacings = [refuse()];
    for (let time = 0; time < 7; time += 1) {
      now += 10_000;
      spacings.push(refuse());
    }
    assert.deepEqual(
      spacings.map((ms) => ms / 60_000),
      [1, 2, 4, 8, 16, 32, 60, 60],
    );
    backoff.forget('UA');
    assert.equal(refuse(300_000), 300_000);
  });

  it('is doubled once by loads that were refused together', () => {
    assert.deepEqual([refuse(), refuse(), refuse()], [60_000, 60_000, 60_000]);
  });

  it('lets one load through at a time, and no other tenant wait', () => {
    refuse();
    assert.equal(backoff.takeTurn('UA', now), 60_000);
    assert.equal(backoff.takeTurn('DL', now), 0);
    now += 60_000;
    assert.equal(backoff.takeTurn('UA', now), 0);
    assert.equal(backoff.takeTurn('UA', now), 60_000);
  });

  it('is halved by each load that works, however many streams it has, until it is none', () => {
    refuse();
    now += 10_000;
    refuse();
    const spacings: number[] = [];
    for (let load = 0; load < 2; load += 1) {
      now += backoff.takeTurn('UA', now);
      assert.equal(backoff.takeTurn('UA', now), 0, 'its turn has come');
      for (let stream = 0; stream < 3; stream += 1) backoff.loaded('UA');
      spacings.push(backoff.spacingMs('UA'));
    }
    assert.deepEqual(spacings, [60_000, 0]);
  });

  it('is not halved by what was on its way when it was refused', () => {
    refuse();
    backoff.loaded('UA');
    assert.equal(backoff.spacingMs('UA'), 60_000);
    now += 60_000;
    assert.equal(backoff.takeTurn('UA', now), 0);
    backoff.loaded('UA');
    assert.equal(backoff.spacingMs('UA'), 0);
  });
});
