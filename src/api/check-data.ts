import type { Written } from './scan-json.js';
import type { Rejection } from './rejection.js';

const MAX_DEPTH = 64;
const MAX_KEYS = 10_000;

/**
 * Checks that an event's data is what every consumer after us reads alike, and that parsing has changed nothing.
 * @param keys the number of attributes and members beside each other at the top
 * @param written what the JSON of the event, and of data within it, was like
 */
export function checkData(
  event: Readonly<Record<string, unknown>>,
  keys: number,
  written: readonly (Written | undefined)[],
): Rejection | undefined {
  if (event.data !== undefined && event.data_base64 !== undefined) {
    return { code: 'invalid_data', reason: 'an event has data or data_base64, not both' };
  }
  const inAttributes: Seen = { keys: 0, members: 0 };
  const inData: Seen = { keys: 0, members: 0 };
  const reason =
    walkAttributes(event, inAttributes) ??
    walk(event.data, 0, inData) ??
    lostOf(written, keys + inAttributes.members + inData.members);
  return reason === undefined ? undefined : { code: 'invalid_data', reason };
}

/** What was walked over: keys and items, and the keys among them that are of objects within. */
interface Seen {
  keys: number;
  members: number;
}

/** What the parser has changed: it is refused, as what no consumer after us would get right. */
function lostOf(written: readonly (Written | undefined)[], found: number): string | undefined {
  const lossy = written.find((each) => each?.lossyNumber !== undefined)?.lossyNumber;
  if (lossy !== undefined) {
    const hint = /^-0[.0]*(e|$)/i.test(lossy) ? 'its sign; send 0' : 'digits; send it as a string';
    return `the number ${lossy} would lose ${hint}`;
  }
  const members = written.reduce((sum, each) => sum + (each?.members ?? 0), 0);
  return members > found ? 'an object has a key twice, of which one value would be lost' : undefined;
}

function walkAttributes(event: Readonly<Record<string, unknown>>, seen: Seen): string | undefined {
  for (const name in event) {
    if (name === 'data') continue;
    if (++seen.keys > MAX_KEYS) return `it has more than ${MAX_KEYS} keys and items`;
    const reason = walk(event[name], 1, seen);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** What JSON allows but no consumer after us survives unharmed: it is refused here rather than changed in silence. */
function walk(value: unknown, depth: number, seen: Seen): string | undefined {
  if (typeof value === 'string')
    return value.isWellFormed() ? undefined : 'a text holds half of a surrogate pair, which is not Unicode';
  if (typeof value === 'number') return walkNumber(value);
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth >= MAX_DEPTH) return `it is nested more than ${MAX_DEPTH} levels deep`;
  const isList = Array.isArray(value);
  for (const key in value) {
    if (!isList) seen.members++;
    if (++seen.keys > MAX_KEYS) return `it has more than ${MAX_KEYS} keys and items`;
    if (!key.isWellFormed()) return 'a key holds half of a surrogate pair, which is not Unicode';
    const reason = walk((value as Record<string, unknown>)[key], depth + 1, seen);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** @see RFC 8259 section 6, on interoperable numbers */
function walkNumber(value: number): string | undefined {
  if (!Number.isFinite(value)) return 'a number is too large for a 64-bit float';
  if (Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < 1e21) {
    return 'a whole number beyond 2^53 would lose digits; send it as a string';
  }
  return undefined;
}
