import { civilTime, daysFromCivil, daysInMonth } from './calendar.js';
import { RuntimeValue } from './runtime-value.js';

/** RFC 3339, section 5.6: `2026-11-28T10:00:00.123456+00:00`. Further digits than nanoseconds are dropped. */
const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/** No time is longer: what is, is not read. */
const MAX_LENGTH = 100;

/** 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z, in seconds since 1970. */
const FIRST = -62_135_596_800;
const LAST = 253_402_300_799;

/** A point in time, to the nanosecond, from year 1 to 9999. */
export class Timestamp extends RuntimeValue {
  readonly kind = 'timestamp';

  private constructor(
    /** Since 1970. */
    readonly seconds: number,
    /** From 0 to 999,999,999, towards the future. */
    readonly nanos: number,
  ) {
    super();
  }

  /** The point in time; undefined if it is not within the years 1 to 9999. */
  static of(seconds: number, nanos = 0): Timestamp | undefined {
    return seconds >= FIRST && seconds <= LAST ? new Timestamp(seconds, nanos) : undefined;
  }

  /** Reads RFC 3339; undefined if the text is anything else. */
  static parse(text: string): Timestamp | undefined {
    const found = text.length > MAX_LENGTH ? null : RFC_3339.exec(text);
    if (found === null) return undefined;
    const [year, month, day, hours, minutes, seconds] = found.slice(1, 7).map(Number) as Six;
    const [offsetHours, offsetMinutes] = [Number(found[9] ?? 0), Number(found[10] ?? 0)];
    if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined;
    if (hours > 23 || minutes > 59 || seconds > 59 || offsetHours > 23 || offsetMinutes > 59)
      return undefined;
    const offset = (offsetHours * 3600 + offsetMinutes * 60) * (found[8] === '-' ? -1 : 1);
    const local = daysFromCivil(year, month, day) * 86_400 + hours * 3600 + minutes * 60 + seconds;
    return Timestamp.of(local - offset, Number((found[7] ?? '').slice(0, 9).padEnd(9, '0')));
  }

  /** RFC 3339 in UTC, without needless zeros. */
  override toString(): string {
    const { year, month, day, hours, minutes, seconds } = civilTime(this.seconds);
    const date = `${pad(year, 4)}-${pad(month)}-${pad(day)}`;
    return `${date}T${pad(hours)}:${pad(minutes)}:${pad(seconds)}${fraction(this.nanos)}Z`;
  }
}

type Six = [number, number, number, number, number, number];

/** Nanoseconds as decimals, without needless zeros: `.5`, or nothing. */
export function fraction(nanos: number): string {
  return nanos === 0 ? '' : `.${pad(nanos, 9).replace(/0+$/, '')}`;
}

function pad(value: number, width = 2): string {
  return String(value).padStart(width, '0');
}
