/** What a promoted field's column can hold. */
export const PROMOTED_TYPES = ['text', 'integer', 'number', 'boolean', 'timestamp'] as const;

/** The type of a promoted field: which JSON values fit it, and what its column holds. */
export type PromotedType = (typeof PROMOTED_TYPES)[number];

/** A field of `data` that has a column of its own. */
export interface PromotedField {
  /** The column's name; see {@link isColumnName}. */
  readonly column: string;
  /** The keys that lead to the field in `data`. */
  readonly path: readonly string[];
  /**
   * `integer` takes whole JSON numbers of 64 bits, `number` JSON numbers, `text` strings, `boolean` true and false,
   * `timestamp` strings of RFC 3339. Nothing is converted from one to another.
   */
  readonly type: PromotedType;
}

/** The column that has, as a JSON object by column, what did not fit a promoted field's type. */
export const CLASHES = '_clashes';

/** Keys that may lead to a field. */
const MAX_DEPTH = 10;

const COLUMN_NAME = /^[a-z][a-z0-9_]{0,62}$/;

/** A key between dots, or in double quotes, where `\` stands before `"` and `\`. */
const SEGMENT = /(?:([^."\\\p{Cc}]+)|"((?:[^"\\\p{Cc}]|\\["\\])+)")(?:\.(?!$)|$)/uy;

/** True for what may name a promoted field's column; nothing of Headgate's own begins with `_` and a letter but `_clashes`. */
export function isColumnName(name: unknown): name is string {
  return typeof name === 'string' && COLUMN_NAME.test(name);
}

/** The keys of a field as people write it, `delay.minutes` or `"odd.key".x`; undefined for what is not written so. */
export function parseField(text: string): string[] | undefined {
  const path: string[] = [];
  SEGMENT.lastIndex = 0;
  while (SEGMENT.lastIndex < text.length) {
    const found = SEGMENT.exec(text);
    if (found === null || path.length === MAX_DEPTH) return undefined;
    const [, plain, quoted = ''] = found;
    path.push(plain ?? quoted.replaceAll(/\\(["\\])/g, '$1'));
  }
  return path.length === 0 || !text.isWellFormed() ? undefined : path;
}

/** A field's keys as people write them. */
export function writeField(path: readonly string[]): string {
  return path
    .map((key) => (/^[^."\\\s]+$/.test(key) ? key : `"${key.replaceAll(/["\\]/g, '\\$&')}"`))
    .join('.');
}
