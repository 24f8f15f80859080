/** How values are written. */

const TIME = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });
const DAY = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric', timeZone: 'UTC' });
const NUMBER = new Intl.NumberFormat();

/** A time in the reader's own zone. */
export function timeText(value) {
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? String(value) : TIME.format(date);
}

/** The time of day of seconds since 1970. */
export function clockText(seconds) {
  return CLOCK.format(seconds * 1000);
}

/** The day of seconds since 1970, in UTC as days of usage are. */
export function dayText(seconds) {
  return DAY.format(seconds * 1000);
}

/** A number with its thousands apart. */
export function numberText(value) {
  return NUMBER.format(value);
}

/** Bytes as `683 kB`, `1.2 GB`. */
export function bytesText(bytes) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const value = bytes / 1000 ** power;
  return `${NUMBER.format(value < 10 ? Math.round(value * 10) / 10 : Math.round(value))} ${units[power]}`;
}

/** A number and what is counted: `1 batch`, `2 batches`. */
export function countText(count, one, many = `${one}s`) {
  return `${numberText(count)} ${count === 1 ? one : many}`;
}

/** Seconds as `12 s`, `3 min 20 s`, `4 h 5 min`, `2 d 3 h`. */
export function durationText(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const units = [
    ['d', 86_400],
    ['h', 3_600],
    ['min', 60],
    ['s', 1],
  ];
  const first = units.findIndex(([, size]) => whole >= size);
  const [large, small] = [units[first], units[first + 1]];
  const rest = Math.floor((whole % large[1]) / small[1]);
  return `${Math.floor(whole / large[1])} ${large[0]}${rest > 0 ? ` ${rest} ${small[0]}` : ''}`;
}

/** An address that a link may have: of the web alone, whatever an answer says. */
export function webAddress(value) {
  return typeof value === 'string' && /^https?:\/\//i.test(value) ? value : undefined;
}
