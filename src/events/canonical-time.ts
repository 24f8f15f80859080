import { DAY_MS, MINUTE_MS } from '../platform/time.js';

const ZERO = 0x30;
/** Fractions of a second have nanoseconds at most. */
const MAX_DIGITS = 9;
/** Leap days before 1970. */
const LEAP_DAYS = 477;
const DAYS_IN = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const DAYS_BEFORE = DAYS_IN.map((_, month) => DAYS_IN.slice(0, month).reduce((sum, days) => sum + days, 0));

/**
 * The time in milliseconds since 1970 as `Date.parse` has it, in a fraction of its time: each event's is asked for several
 * times. NaN for all but `YYYY-MM-DDThh:mm:ss`, nine digits of a fraction at most, `Z` or an offset below 15 hours, and
 * for a day that its month does not have, which `Date.parse` takes for one of the next.
 */
export function canonicalTimeMs(time: string): number {
  const day = daysSince1970(fourDigits(time, 0), twoDigits(time, 5), twoDigits(time, 8));
  const [hour, minute, second] = [twoDigits(time, 11), twoDigits(time, 14), twoDigits(time, 17)];
  const isWritten = time[4] === '-' && time[7] === '-' && time[10] === 'T';
  if (!isWritten || time[13] !== ':' || time[16] !== ':') return NaN;
  if (!(hour <= 23 && minute <= 59 && second <= 59)) return NaN;
  const end = endOfFraction(time);
  const atUtc = day * DAY_MS + (hour * 60 + minute) * MINUTE_MS + second * 1_000 + millisecondsIn(time, end);
  return atUtc - offsetMs(time, end);
}

function daysSince1970(year: number, month: number, day: number): number {
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  if (!(month >= 1 && month <= 12 && day >= 1)) return NaN;
  if (day > DAYS_IN[month - 1]! + (isLeap && month === 2 ? 1 : 0)) return NaN;
  const past = year - 1;
  const leapDays = Math.floor(past / 4) - Math.floor(past / 100) + Math.floor(past / 400) - LEAP_DAYS;
  const daysBefore = DAYS_BEFORE[month - 1]! + (isLeap && month > 2 ? 1 : 0);
  return (year - 1970) * 365 + leapDays + daysBefore + day - 1;
}

/** Where the zone begins; 0, where there is none, for a fraction without digits or with too many. */
function endOfFraction(time: string): number {
  if (time[19] !== '.') return 19;
  let end = 20;
  while (digit(time, end) >= 0) end++;
  return end > 20 && end <= 20 + MAX_DIGITS ? end : 0;
}

/** Digits behind them are cut off. */
function millisecondsIn(time: string, end: number): number {
  if (end === 19) return 0;
  const hundreds = digit(time, 20) * 100;
  return hundreds + (end > 21 ? digit(time, 21) * 10 : 0) + (end > 22 ? digit(time, 22) : 0);
}

/** Milliseconds that the zone is ahead of UTC. */
function offsetMs(time: string, at: number): number {
  const sign = time[at];
  if (sign === 'Z') return time.length === at + 1 ? 0 : NaN;
  const [hours, minutes] = [twoDigits(time, at + 1), twoDigits(time, at + 4)];
  if (time.length !== at + 6 || time[at + 3] !== ':' || !(hours <= 14 && minutes <= 59)) return NaN;
  if (sign !== '+' && sign !== '-') return NaN;
  return (hours * 60 + minutes) * (sign === '+' ? MINUTE_MS : -MINUTE_MS);
}

function fourDigits(text: string, at: number): number {
  return twoDigits(text, at) * 100 + twoDigits(text, at + 2);
}

function twoDigits(text: string, at: number): number {
  return digit(text, at) * 10 + digit(text, at + 1);
}

/** NaN for all else. */
function digit(text: string, at: number): number {
  const value = text.charCodeAt(at) - ZERO;
  return value >= 0 && value <= 9 ? value : NaN;
}
