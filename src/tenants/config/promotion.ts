import { INPUT_STREAMS, type InputStream } from '../../events/event.js';
import { isReservedColumn, tableOf } from '../../events/columns.js';
import {
  isColumnName,
  parseField,
  PROMOTED_TYPES,
  writeField,
  type PromotedField,
  type PromotedType,
} from '../../events/promoted-field.js';
import { section } from './schema-parts.js';

/** A field of the data of a stream's events that has a column of its own in the warehouse. */
export interface PromotionConfig extends PromotedField {
  /** Whose events. Default `events`. */
  readonly stream: InputStream;
}

/** A promoted field as written. */
export interface RawPromotion {
  /** The keys that lead to it in `data`, with dots between; a key in double quotes may hold dots. */
  readonly field: string;
  readonly type: PromotedType;
  /** Default: the keys with `_` between. */
  readonly column?: string;
  readonly stream?: InputStream;
}

/** What is wrong with a tenant's promoted fields, and where. */
export interface PromotionIssue {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Fields that a tenant's file may promote, of all its streams. */
const MAX_PROMOTED = 200;

/** `warehouse.promote` in a tenant's file. What is in `field` and `column` is looked at by {@link promotionIssues}. */
export const PROMOTE = {
  type: 'array',
  maxItems: MAX_PROMOTED,
  items: section(
    {
      field: { type: 'string', minLength: 1, maxLength: 255 },
      type: { enum: PROMOTED_TYPES },
      column: { type: 'string', minLength: 1, maxLength: 255 },
      stream: { enum: INPUT_STREAMS },
    },
    ['field', 'type'],
  ),
};

/** Fills in the defaults. What is written wrong has an empty path, or a name that no column may have. */
export function completePromotion({ field, type, column, stream }: RawPromotion): PromotionConfig {
  const path = parseField(field) ?? [];
  return { column: column ?? path.join('_'), path, type, stream: stream ?? 'events' };
}

/** The promoted fields of a stream. */
export function promotedOf(
  promotions: readonly PromotionConfig[] | undefined,
  stream: string,
): readonly PromotedField[] {
  return (promotions ?? []).filter((each) => each.stream === stream);
}

/** Checks the fields' form, the columns' names, and that no two of a table have the same. */
export function promotionIssues(promotions: readonly PromotionConfig[] = []): PromotionIssue[] {
  const seen = new Set<string>();
  return promotions.flatMap((promotion, index): PromotionIssue[] => {
    const { column, stream } = promotion;
    const issue = (key: string, message: string): PromotionIssue[] => [
      { path: ['warehouse', 'promote', index, key], message },
    ];
    if (promotion.path.length === 0)
      return issue(
        'field',
        'must be up to 10 keys of data with dots between, such as delay.minutes or "odd.key".x',
      );
    const problem = columnProblem(promotion);
    if (problem !== undefined) return issue('column', problem);
    const name = `${stream}/${column}`;
    if (seen.has(name)) return issue('column', `there is another promoted field in the column ${column}`);
    seen.add(name);
    return [];
  });
}

function columnProblem({ column, path, stream }: PromotionConfig): string | undefined {
  const shown = JSON.stringify(column.slice(0, 80));
  if (!isColumnName(column)) {
    const given =
      column === path.join('_') ? `${shown}, from the field's keys, is no column's name; give one: ` : '';
    return `${given}a column has 1 to 63 small letters, digits and "_", and starts with a letter`;
  }
  if (!isReservedColumn(tableOf(stream), column)) return undefined;
  return `${shown} is a column that Headgate has itself; give ${writeField(path)} another`;
}
