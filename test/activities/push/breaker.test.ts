import assert from 'node:assert/strict';
import { Breaker, type Admission, type BreakerVerdict } from '../../../src/activities/push/breaker.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

describe('the breaker of a receiver', () => {
  let now: number;
  let breaker: Breaker;

  beforeEach(() => {
    now = 1_000_000;
    breaker = new Breaker(now);
  });

  function request(ok: boolean, disableAfter = 1_000): BreakerVerdict {
    const admission = breaker.admit(now);
    assert.ok(admission !== undefined, 'admitted');
    return breaker.observe(admission, ok, disableAfter, now);
  }

  function requests(...outcomes: boolean[]): void {
    for (const ok of outcomes) request(ok);
  }

  const times = (count: number, ok: boolean): boolean[] => Array.from({ length: count }, () => ok);
  const state = () => breaker.stateAt(now).state;

  function opened(): void {
    requests(...times(10, false));
    assert.equal(state(), 'open');
  }

  it('opens at 70% failures of 10 requests', () => {
    requests(...times(3, true), ...times(6, false));
    assert.equal(state(), 'closed', '9 requests are too few');
    assert.deepEqual(request(false), { changed: true, disable: false });
    assert.deepEqual(breaker.stateAt(now), {
      state: 'open',
      failedShare: 0.7,
      requests: 10,
      since: now,
      openUntil: now + 30 * SECOND,
      consecutiveFailures: 7,
    });
    assert.equal(breaker.admit(now), undefined);
  });

  it('stays closed below that, however many they are', () => {
    for (let round = 0; round < 100; round++) requests(true, true, true, true, ...times(6, false));
    assert.equal(state(), 'closed');
  });

  it('forgets what is older than five minutes', () => {
    requests(...times(9, false));
    now += 5 * MINUTE;
    requests(false);
    assert.deepEqual([state(), breaker.stateAt(now).requests], ['closed', 1]);
  });

  it('is open no longer, and counts no failures of then, once a clock that was ahead is set back', () => {
    const right = now;
    now += 72 * HOUR;
    opened();
    now = right;
    const probe = breaker.admit(now);
    assert.deepEqual(probe, { probe: true });
    breaker.observe(probe, false, 1_000, now);
    assert.equal(breaker.stateAt(now).openUntil, now + 60 * SECOND, 'by the clock as it is');
    assert.equal(breaker.stateAt(now).requests, 1);
    now -= 10 * SECOND;
    assert.equal(breaker.admit(now), undefined, 'a correction opens nothing');
  });

  it('lets one probe through after 30 s, and closes when that succeeds', () => {
    opened();
    now += 30 * SECOND - 1;
    assert.equal(breaker.admit(now), undefined);
    now += 1;
    const probe = breaker.admit(now);
    assert.deepEqual(probe, { probe: true });
    assert.equal(state(), 'half-open');
    assert.equal(breaker.admit(now), undefined, 'one at a time');
    assert.ok(breaker.observe(probe, true, 100, now).changed);
    assert.deepEqual(breaker.stateAt(now), {
      state: 'closed',
      failedShare: 0,
      requests: 0,
      since: now,
      consecutiveFailures: 0,
    });
  });

  it('opens again for twice as long when the probe fails, up to 15 minutes; and for 30 s after it was closed', () => {
    opened();
    const pauses: number[] = [];
    for (let round = 0; round < 7; round++) {
      now = breaker.stateAt(now).openUntil!;
      request(false);
      pauses.push(breaker.stateAt(now).openUntil! - now);
    }
    assert.deepEqual(
      pauses.map((pause) => pause / SECOND),
      [60, 120, 240, 480, 900, 900, 900],
    );
    now = breaker.stateAt(now).openUntil!;
    request(true);
    opened();
    assert.equal(breaker.stateAt(now).openUntil, now + 30 * SECOND);
  });

  it('sends another probe when one told nothing', () => {
    opened();
    now += 30 * SECOND;
    breaker.giveBack(breaker.admit(now)!);
    assert.ok(breaker.admit(now)?.probe);
  });

  it('is moved by its probe alone while it is not closed', () => {
    const early: Admission[] = times(3, true).map(() => breaker.admit(now)!);
    opened();
    assert.ok(!breaker.observe(early[0]!, true, 100, now).changed, 'late success');
    assert.equal(state(), 'open');
    now += 30 * SECOND;
    const probe = breaker.admit(now)!;
    assert.ok(!breaker.observe(early[1]!, false, 100, now).changed, 'late failure');
    assert.equal(state(), 'half-open');
    assert.ok(breaker.observe(probe, true, 100, now).changed);
    assert.ok(!breaker.observe(early[2]!, false, 100, now).changed);
    assert.equal(state(), 'closed');
  });

  describe('counts failures in a row', () => {
    it('and tells each level once, until a success', () => {
      const levels = (count: number): (number | undefined)[] =>
        Array.from({ length: count }, () => {
          now = Math.max(now, breaker.stateAt(now).openUntil ?? 0);
          return request(false, 10).alert;
        });
      const expected = [
        undefined,
        undefined,
        undefined,
        undefined,
        50,
        undefined,
        70,
        undefined,
        90,
        100,
        undefined,
      ];
      assert.deepEqual(levels(11), expected);
      now = breaker.stateAt(now).openUntil!;
      request(true, 10);
      assert.deepEqual(levels(5).at(-1), 50);
    });

    it('and tells the highest where several are passed at once', () => {
      assert.equal(request(false, 1).alert, 100);
    });

    it('and wants to be disabled after enough of them, when the first is a day old', () => {
      const fail = (): boolean => {
        now = Math.max(now, breaker.stateAt(now).openUntil ?? 0);
        return request(false, 5).disable;
      };
      const first = now;
      for (let count = 0; count < 20; count++) assert.ok(!fail(), 'too soon');
      now = first + 24 * HOUR;
      assert.ok(fail());
      assert.equal(breaker.stateAt(now).consecutiveFailures, 0, 'a resume begins anew');
      now += HOUR;
      assert.ok(!fail());
    });

    it('but one success within the day is enough', () => {
      for (let hour = 0; hour < 72; hour++) {
        now += HOUR;
        assert.ok(!request(hour % 12 === 0, 5).disable);
      }
    });
  });
});
