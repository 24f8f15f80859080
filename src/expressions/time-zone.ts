import { LRUCache } from 'lru-cache';
import { daysFromCivil } from './calendar.js';

/** `+02:00`, `-08:00`, `02:00`. Not left to Intl: whether it knows these depends on Node's version. */
const FIXED = /^([+-]?)(\d\d):(\d\d)$/;

/** `Europe/Berlin`, `UTC`, `Etc/GMT+5`. */
const IANA_NAME = /^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+)*$/;

const MAX_NAME_LENGTH = 64;

/** A formatter takes some 50 µs to make and tens of kilobytes to keep; a name that is no zone is kept as undefined. */
const formats = new LRUCache<string, { readonly format: Intl.DateTimeFormat | undefined }>({ max: 100 });

/**
 * How far a zone is ahead of UTC at a time, in seconds; undefined if there is no such zone. Independent of the process's
 * own zone.
 * @param zone an IANA name, or a fixed offset such as `+02:00`
 */
export function offsetAt(zone: string, epochSeconds: number): number | undefined {
  if (zone === 'UTC' || zone === '') return 0;
  const fixed = FIXED.exec(zone);
  if (fixed !== null) {
    const seconds = Number(fixed[2]) * 3600 + Number(fixed[3]) * 60;
    return Number(fixed[2]) > 23 || Number(fixed[3]) > 59 ? undefined : fixed[1] === '-' ? -seconds : seconds;
  }
  const format = formatOf(zone);
  return format === undefined ? undefined : localSeconds(format, epochSeconds) - epochSeconds;
}

function formatOf(zone: string): Intl.DateTimeFormat | undefined {
  if (zone.length > MAX_NAME_LENGTH || !IANA_NAME.test(zone)) return undefined;
  const known = formats.get(zone);
  if (known !== undefined) return known.format;
  const format = createFormat(zone);
  formats.set(zone, { format });
  return format;
}

function createFormat(timeZone: string): Intl.DateTimeFormat | undefined {
  const numeric = { month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' } as const;
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      ...numeric,
      second: 'numeric',
    });
  } catch {
    return undefined;
  }
}

/** The date and time on the clocks of the zone, as if it were UTC. */
function localSeconds(format: Intl.DateTimeFormat, epochSeconds: number): number {
  const found: Record<string, string> = {};
  for (const { type, value } of format.formatToParts(epochSeconds * 1000)) found[type] = value;
  const [year, month, day] = [Number(found.year), Number(found.month), Number(found.day)];
  const days = daysFromCivil(found.era === 'BC' ? 1 - year : year, month, day);
  return days * 86_400 + Number(found.hour) * 3600 + Number(found.minute) * 60 + Number(found.second);
}
