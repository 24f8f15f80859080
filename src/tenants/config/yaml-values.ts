import type { Document } from 'yaml';

/** As many as a file of the largest size could write out without aliases. */
const MAX_VALUES = 250_000;

/**
 * The values of a YAML document, aliases followed. An anchor may be used as often as one likes; but a few lines of nested
 * aliases can stand for gigabytes, so what they stand for is counted, each alias as a copy.
 * @throws Error in words for whoever wrote the file
 */
export function valuesOf(document: Document): unknown {
  // An alias becomes the very object of its anchor, so nothing is copied here.
  const raw: unknown = document.toJS({ maxAliasCount: -1 });
  if (countOf(raw, new Map()) > MAX_VALUES)
    throw new Error(`its aliases stand for more than ${MAX_VALUES} values`);
  return raw;
}

/** Each object is counted once, and its count used wherever it stands. */
function countOf(value: unknown, counted: Map<object, number>): number {
  if (typeof value !== 'object' || value === null) return 1;
  let count = counted.get(value);
  if (count === undefined) {
    count = 1;
    // What stands for itself has no end.
    counted.set(value, Infinity);
    for (const item of Object.values(value)) count += countOf(item, counted);
    counted.set(value, count);
  }
  return count;
}
