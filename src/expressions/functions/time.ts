import { civilTime, type CivilTime } from '../calendar.js';
import type { Duration } from '../duration.js';
import { invalid } from '../fault.js';
import { offsetAt } from '../time-zone.js';
import type { Timestamp } from '../timestamp.js';
import { quoted } from './conversions.js';
import { define, type Apply } from './overload.js';

/** Steps of finding a date. */
const DATE_STEPS = 30;

/** Steps of asking a zone what time it is: some 3 µs, and 50 µs where it is asked for the first time. */
const ZONE_STEPS = 300;

const GETTERS: Readonly<Record<string, (time: CivilTime, nanos: number) => number>> = {
  getDate: ({ day }) => day,
  getDayOfMonth: ({ day }) => day - 1,
  getDayOfWeek: ({ dayOfWeek }) => dayOfWeek,
  getDayOfYear: ({ dayOfYear }) => dayOfYear,
  getFullYear: ({ year }) => year,
  getHours: ({ hours }) => hours,
  getMilliseconds: (_time, nanos) => Math.floor(nanos / 1e6),
  getMinutes: ({ minutes }) => minutes,
  getMonth: ({ month }) => month - 1,
  getSeconds: ({ seconds }) => seconds,
};

function getters(): Record<string, Apply> {
  const found: Record<string, Apply> = {};
  for (const [name, get] of Object.entries(GETTERS)) {
    found[`timestamp.${name}() -> int`] = ([time], frame) => {
      frame.charge(DATE_STEPS);
      const { seconds, nanos } = time as Timestamp;
      return BigInt(get(civilTime(seconds), nanos));
    };
    found[`timestamp.${name}(string) -> int`] = ([time, zone], frame) => {
      frame.charge(ZONE_STEPS);
      const { seconds, nanos } = time as Timestamp;
      const offset = offsetAt(zone as string, seconds);
      if (offset === undefined) return invalid(`no such time zone: ${quoted(zone as string)}`);
      return BigInt(get(civilTime(seconds + offset), nanos));
    };
  }
  return found;
}

const MS = 1_000_000;

function wholeOf(nanosOfUnit: number): Apply {
  return ([duration]) => BigInt((duration as Duration).whole(nanosOfUnit));
}

/** Parts of times and durations. */
export const TIME = define({
  ...getters(),
  'duration.getHours() -> int': wholeOf(3_600_000 * MS),
  'duration.getMilliseconds() -> int': ([duration]) => BigInt((duration as Duration).whole(MS) % 1000),
  'duration.getMinutes() -> int': wholeOf(60_000 * MS),
  'duration.getSeconds() -> int': wholeOf(1000 * MS),
});
