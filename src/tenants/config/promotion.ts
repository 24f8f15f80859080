import { INPUT_STREAMS, type InputStream } from '../../events/event.js';
import { isReservedColumn, tableOf } from '../../events/columns.js';
import {
  isColumnName,
  parseField,
  PROMOTED_TYPES,
  writeField,
  type PromotedField,
} from '../../events/promoted-field.js';
import { choice, listOf, section, text, type UsedOf, type WrittenOf } from '../file-schema.js';

/** What is wrong with a tenant's promoted fields, and where. */
export interface PromotionIssue {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** What is in `field` and `column` is looked at by {@link promotionIssues}. */
const PROMOTION = section(
  {
    field: text(
      { minLength: 1, maxLength: 255 },
      {
        what: 'The keys that lead to it in `data`, with dots between. A key in double quotes may hold dots: `\'"odd.key".x\'`.',
        example: 'delay.minutes',
      },
    ),
    type: choice(PROMOTED_TYPES, {
      what: 'The type of the column. A value of another type is in `_clashes`, and NULL in the column.',
      example: 'integer',
    }),
    column: text(
      { minLength: 1, maxLength: 255 },
      {
        what: 'The name of the column: 1 to 63 small letters, digits and `_`, beginning with a letter.',
        unset: 'the keys with `_` between',
        example: 'odd',
      },
    ),
    stream: choice(INPUT_STREAMS, {
      what: 'Whose events it is a field of.',
      default: 'events',
      example: 'user-properties',
    }),
  },
  ['field', 'type'],
  { what: 'One field. Its column keeps field and type for good.' },
);

/** `warehouse.promote` of a tenant's file. */
export const PROMOTE = listOf(
  PROMOTION,
  { maxItems: 200 },
  {
    what: 'Fields of `data` that have a column of their own.',
    unset: 'none',
    example: [{ field: 'delay.minutes', type: 'integer' }],
  },
);

/** A promoted field as written. */
export type RawPromotion = WrittenOf<typeof PROMOTION>;

/** A field of the data of a stream's events that has a column of its own in the warehouse. */
export interface PromotionConfig extends PromotedField {
  /** Whose events. */
  readonly stream: InputStream;
}

/** What is written wrong has an empty path, or a name that no column may have. */
export function completePromotions(used: UsedOf<typeof PROMOTE>): PromotionConfig[] {
  return used.map(({ field, type, column, stream }) => {
    const path = parseField(field) ?? [];
    return { column: column ?? path.join('_'), path, type, stream };
  });
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
