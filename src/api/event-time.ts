/** RFC 3339, section 5.6, with offsets that exist on Earth. */
const DATE_TIME =
  /^(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))[Tt]((?:[01]\d|2[0-3]):[0-5]\d):([0-5]\d|60)(\.\d+)?([Zz]|[+-](?:0\d|1[0-4]):[0-5]\d)$/;
/** A point and nanoseconds. */
const MAX_FRACTION = 10;

/**
 * A time as every part of the pipeline reads it: RFC 3339 with capitals, nanoseconds at most, and without leap seconds, of
 * which one is the second before it. All else is as it was written.
 * @returns undefined where it is no RFC 3339 date-time, or a leap second that never was
 * @see https://www.rfc-editor.org/rfc/rfc3339#section-5.6
 */
export function canonicalTime(written: string): string | undefined {
  const [, date, minute, second, fraction = '', zone] = DATE_TIME.exec(written) ?? [];
  if (date === undefined) return undefined;
  const isLeap = second === '60';
  if (isLeap && !endsMonth(`${date}T${minute}:59${zone}`)) return undefined;
  return `${date}T${minute}:${isLeap ? '59' : second}${fraction.slice(0, MAX_FRACTION)}${zone}`.toUpperCase();
}

/** Leap seconds are the last of a month in UTC. @see RFC 3339, section 5.7 */
function endsMonth(time: string): boolean {
  const next = new Date(Date.parse(time) + 1_000);
  return next.getUTCDate() === 1 && next.getUTCHours() === 0 && next.getUTCMinutes() === 0;
}
