import bytes from 'bytes';
import ms, { type StringValue } from 'ms';

const SIZE = /^\d+(\.\d+)?\s*(b|kb|mb|gb)$/i;

/** A duration needs its unit: a bare number would be milliseconds to one reader and seconds to the next. */
const DURATION = /^\d+(\.\d+)?\s*[a-z]+$/i;

/** Milliseconds of a duration such as `20ms`, `24h` or `7 days`; undefined if it is none. */
export function parseDuration(value: unknown): number | undefined {
  if (typeof value !== 'string' || !DURATION.test(value)) return undefined;
  // The library gives undefined for a unit it does not know, though its types say otherwise.
  const duration = ms(value as StringValue) as number | undefined;
  return duration === undefined ? undefined : Math.round(duration);
}

/** Bytes of a size such as `2MB` (1024-based) or of a plain whole number; undefined if it is none. */
export function parseSize(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isInteger(value) ? value : undefined;
  if (typeof value !== 'string' || !SIZE.test(value)) return undefined;
  return bytes.parse(value) ?? undefined;
}
