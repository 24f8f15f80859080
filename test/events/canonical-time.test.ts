import assert from 'node:assert/strict';
import fc from 'fast-check';
import { canonicalTimeMs } from '../../src/events/canonical-time.js';

const CANONICAL =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-](?:0\d|1[0-4]):[0-5]\d)$/;

/** What the form and the calendar say, in many more steps. */
function expected(time: string): number {
  if (!CANONICAL.test(time)) return NaN;
  const [year, month, day] = time.slice(0, 10).split('-').map(Number) as [number, number, number];
  // Not of `Date.UTC(year, …)`, which takes the years 0 to 99 for those of the 20th century.
  const lastDay = new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();
  return day > lastDay ? NaN : Date.parse(time);
}

describe('canonical times', () => {
  it('are the milliseconds that Date.parse makes of them, for every day of centuries', () => {
    for (let year = 0; year <= 9999; year += year > 1890 && year < 2110 ? 1 : 97)
      for (let month = 1; month <= 12; month++)
        for (let day = 1; day <= 31; day++) {
          const date = [String(year).padStart(4, '0'), month, day]
            .map((part) => String(part).padStart(2, '0'))
            .join('-');
          const time = `${date}T23:59:58.9Z`;
          assert.equal(canonicalTimeMs(time), expected(time), time);
        }
  });

  it('have any time of day, fraction and offset', () => {
    const two = (max: number) => fc.integer({ min: 0, max }).map((n) => String(n).padStart(2, '0'));
    const fraction = fc.oneof(fc.constant(''), fc.stringMatching(/^\.\d{0,11}$/));
    const offset = fc
      .tuple(fc.constantFrom('+', '-'), two(16), two(61))
      .map(([sign, h, m]) => `${sign}${h}:${m}`);
    const zone = fc.oneof(fc.constantFrom('Z', 'z', ''), offset);
    const time = fc
      .tuple(two(25), two(61), two(61), fraction, zone)
      .map(([h, m, s, f, z]) => `2024-02-29T${h}:${m}:${s}${f}${z}`);
    fc.assert(
      fc.property(time, (written) => assert.equal(canonicalTimeMs(written), expected(written))),
      {
        numRuns: 2_000,
      },
    );
  });

  it('are nothing else, whatever one character is changed to', () => {
    const whole = '2016-12-31T23:59:58.123456+14:30';
    for (const time of [whole, '2016-12-31T23:59:58Z'])
      for (let at = 0; at <= time.length; at++)
        for (const other of ['', '-', ':', '.', '0', '9', ' ', 'T', 'Z', '+', '/', ';', '\u0660', '00']) {
          const changed = time.slice(0, at) + other + time.slice(at + 1);
          assert.equal(canonicalTimeMs(changed), expected(changed), changed);
        }
  });
});
