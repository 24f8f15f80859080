import { scanJson, type Written } from './scan-json.js';

/** Levels of data and the event around it; see `check-data.ts`, which says what exactly an event may have. */
const MAX_DEPTH = 64 + 1;
/** Twice the keys and items that attributes or data may have, each of them with something before it and within it. */
const MAX_VALUES = 4 * 10_000;

/** What some JSON says, or why it was not even parsed. */
export type BoundedJson =
  { readonly value: unknown; readonly written: Written } | { readonly excess: string };

/**
 * Parses JSON that an event may have, and leaves alone what is refused in any case: four megabytes of brackets take
 * `JSON.parse` half a second, in which nobody else is served.
 * @throws SyntaxError when it is not JSON
 */
export function parseBounded(json: Buffer): BoundedJson {
  const scanned = scanJson(json)[0]!;
  if (scanned.depth > MAX_DEPTH) return { excess: 'it is nested more than 64 levels deep' };
  if (scanned.values > MAX_VALUES + MAX_DEPTH) return { excess: 'it has more than 10000 keys and items' };
  // Windows programs begin files with a byte order mark, which RFC 8259 lets a reader ignore.
  return { value: JSON.parse(json.toString('utf8').replace(/^\uFEFF/, '')) as unknown, written: scanned };
}
