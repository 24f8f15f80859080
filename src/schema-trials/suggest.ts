import type { InputStream } from '../events/event.js';
import { isReservedColumn, tableOf } from '../events/columns.js';
import { isColumnName, parseField, writeField, type PromotedType } from '../events/promoted-field.js';
import type { PromotionConfig, RawPromotion } from '../tenants/config/promotion.js';
import type { FieldTally, KeptFields, ValueKind } from './infer-fields.js';

/** The type that a field's column would best have, and what would not fit it. */
export interface SuggestedType {
  /** Undefined for a field that has no values but objects, lists or nulls. */
  readonly type?: PromotedType;
  /** Values that would be in `_clashes`. */
  readonly clashes: number;
}

/** A field that a tenant may promote. */
export interface Suggestion extends SuggestedType {
  readonly stream: InputStream;
  readonly path: readonly string[];
  readonly type: PromotedType;
  /** Events that have it, of all types. */
  readonly events: number;
}

/** Fields that fewer of a stream's events have than this share are not suggested. */
const LEAST_SHARE = 0.01;
/** Fields of a tenant's file at most. */
const MOST = 200;

const NUMBERS: readonly ValueKind[] = ['integer', 'number'];
const TEXTS: readonly ValueKind[] = ['text', 'timestamp'];

/** The type that the most values fit: of numbers, and of texts, the narrowest that takes all of them. */
export function suggestType(kinds: FieldTally['kinds']): SuggestedType {
  const count = (...of: readonly ValueKind[]): number =>
    of.reduce((sum, kind) => sum + (kinds[kind] ?? 0), 0);
  const all = count(...NUMBERS, ...TEXTS, 'boolean', 'array', 'object');
  const candidates: [PromotedType, number][] = [
    [count('number') > 0 ? 'number' : 'integer', count(...NUMBERS)],
    // What is a text that looks like a timestamp is a text still: with others beside it, the column is one of texts.
    [count('text') > 0 ? 'text' : 'timestamp', count(...TEXTS)],
    ['boolean', count('boolean')],
  ];
  const [type, fitting] = candidates.reduce((best, each) => (each[1] > best[1] ? each : best));
  return fitting === 0 ? { clashes: 0 } : { type, clashes: all - fitting };
}

/** What to promote, over all event types of each stream: the most frequent first, without what is promoted already. */
export function suggestions(
  { types }: Pick<KeptFields, 'types'>,
  promoted: readonly PromotionConfig[] = [],
): Suggestion[] {
  const totals = new Map<InputStream, number>();
  const fields = new Map<
    string,
    { stream: InputStream; path: readonly string[]; kinds: Record<string, number> }
  >();
  for (const { stream, events, fields: ofType } of types) {
    totals.set(stream, (totals.get(stream) ?? 0) + events);
    for (const { path, kinds } of ofType) {
      const name = keyOf(stream, path);
      const field = fields.get(name) ?? { stream, path, kinds: {} };
      fields.set(name, field);
      for (const [kind, count] of Object.entries(kinds)) field.kinds[kind] = (field.kinds[kind] ?? 0) + count;
    }
  }
  const done = new Set(promoted.map(({ stream, path }) => keyOf(stream, path)));
  return [...fields.values()]
    .flatMap(({ stream, path, kinds }): Suggestion[] => {
      const events = Object.values(kinds).reduce((sum, count) => sum + count, 0);
      const { type, clashes } = suggestType(kinds);
      const writable = parseField(writeField(path)) !== undefined && writeField(path).length <= 255;
      const rare = events < LEAST_SHARE * (totals.get(stream) ?? 0);
      if (type === undefined || rare || !writable || done.has(keyOf(stream, path))) return [];
      return [{ stream, path, type, clashes, events }];
    })
    .sort((a, b) => b.events - a.events)
    .slice(0, Math.max(0, MOST - promoted.length));
}

/** Suggestions as a tenant's file has them, with columns that are free. */
export function promotionsOf(
  suggested: readonly Suggestion[],
  promoted: readonly PromotionConfig[] = [],
): RawPromotion[] {
  const taken = new Set(promoted.map(({ stream, column }) => `${stream}/${column}`));
  return suggested.map(({ stream, path, type }): RawPromotion => {
    const plain = path.join('_');
    let column = columnFor(stream, path);
    for (let n = 2; taken.has(`${stream}/${column}`); n++) column = `${columnFor(stream, path)}_${n}`;
    taken.add(`${stream}/${column}`);
    return {
      field: writeField(path),
      type,
      ...(column !== plain && { column }),
      ...(stream !== 'events' && { stream }),
    };
  });
}

function columnFor(stream: InputStream, path: readonly string[]): string {
  const name = path
    .join('_')
    // Letters without their accents.
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replaceAll(/^_+|_+$/g, '')
    .slice(0, 50);
  return isColumnName(name) && !isReservedColumn(tableOf(stream), name)
    ? name
    : `data_${name}`.replace(/_$/, '');
}

function keyOf(stream: InputStream, path: readonly string[]): string {
  return JSON.stringify([stream, ...path]);
}
