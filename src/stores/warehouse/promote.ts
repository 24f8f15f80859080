import { CLASHES, type PromotedField, type PromotedType } from '../../events/promoted-field.js';
import { identifier, literal } from './sql.js';

/** A relation whose rows have `data`, and the columns of it that are wanted. */
export interface PromoteInput {
  /** A SELECT, or something else that may stand in parentheses behind FROM. */
  readonly from: string;
  /** Columns of it to keep, quoted. */
  readonly columns: readonly string[];
  /** The fields to add as columns; `_clashes` follows them. */
  readonly promoted: readonly PromotedField[];
  /** The relation has `_clashes` already, of other fields, which are kept. Default false. */
  readonly clashesBefore?: boolean;
  /** The column that has the JSON. Default `data`. */
  readonly data?: string;
}

/**
 * The SELECT that adds a column for each promoted field, and `_clashes`. A value that does not fit its field's type is
 * NULL in the column and stands, as it was, in `_clashes`; where a field is missing or null, there is nothing to say.
 *
 * The values of many fields are taken from a row's JSON in one reading of it. Fields of which one is within another, or
 * which differ in case alone, cannot be told apart in one reading, and take two.
 */
export function promote({ from, columns, promoted, clashesBefore, data = 'data' }: PromoteInput): string {
  if (promoted.length === 0) return `SELECT ${columns.join(', ')} FROM (${from})`;
  const shapes = shapesOf(promoted);
  const readings = shapes.map(({ shape }, at) => {
    return `json_transform(${identifier(data)}, ${literal(JSON.stringify(shape))}) AS ${reading(at)}`;
  });
  const values = promoted.map((field, index) => {
    const at = shapes.findIndex(({ fields }) => fields.includes(field));
    const steps = field.path.map((key) => `[${literal(key)}]`).join('');
    return `CAST(${reading(at)}${steps} AS VARCHAR) AS ${value(index)}`;
  });
  const typed = promoted.map(
    ({ column, type }, index) => `${TYPED[type](value(index))} AS ${identifier(column)}`,
  );
  const kept = columns.join(', ');
  const names = promoted.map(({ column }) => identifier(column)).join(', ');
  const [before, clashed] = clashesBefore
    ? [`${CLASHES} AS __clashes, `, joined('__clashes', clashes(promoted))]
    : ['', clashes(promoted)];
  return `SELECT ${kept}, ${names}, ${clashed} AS ${CLASHES} FROM (
    SELECT ${kept}, ${before}${promoted.map((_, index) => value(index)).join(', ')}, ${typed.join(', ')} FROM (
      SELECT *, ${values.join(', ')} FROM (SELECT *, ${readings.join(', ')} FROM (${from}))))`;
}

/**
 * How many values of each column are in the `_clashes` of a relation, by column; columns with none are left out.
 * @param query runs SQL and gives the rows
 * @param from what may stand behind FROM; `_clashes` may be JSON or its text
 */
export async function countClashesIn(
  query: (sql: string) => Promise<unknown[][]>,
  from: string,
): Promise<Record<string, number>> {
  const names = `SELECT unnest(json_keys(CAST(${CLASHES} AS JSON))) AS name FROM ${from} WHERE ${CLASHES} IS NOT NULL`;
  const rows = await query(`SELECT name, count(*) FROM (${names}) GROUP BY name ORDER BY name`);
  return Object.fromEntries(rows.map(([name, count]) => [String(name), Number(count)]));
}

/** No column of a table is called so. */
const reading = (at: number): string => `__reading_${at}`;
const value = (index: number): string => `__value_${index}`;

/** What `json_transform` is to take out: the keys of the fields, each with `JSON` at its end. */
interface Shape {
  [key: string]: Shape | 'JSON';
}

function shapesOf(promoted: readonly PromotedField[]): { shape: Shape; fields: PromotedField[] }[] {
  const shapes: { shape: Shape; fields: PromotedField[] }[] = [];
  for (const field of promoted) {
    const fitting = shapes.find(({ shape }) => put(shape, field.path));
    if (fitting === undefined) {
      const shape = emptyShape();
      put(shape, field.path);
      shapes.push({ shape, fields: [field] });
    } else fitting.fields.push(field);
  }
  return shapes;
}

/** Keys are other people's text: `__proto__` may be one. */
function emptyShape(): Shape {
  return Object.create(null) as Shape;
}

/** Adds a field to a shape; false, and nothing added, if it is not to be told apart from one in it. */
function put(shape: Shape, path: readonly string[]): boolean {
  const [key, ...rest] = path as [string, ...string[]];
  // DuckDB's structs do not know upper and lower case apart.
  const taken = Object.keys(shape).find((each) => each.toLowerCase() === key.toLowerCase());
  if (taken === undefined) {
    shape[key] = rest.length === 0 ? 'JSON' : emptyShape();
    return rest.length === 0 || put(shape[key] as Shape, rest);
  }
  const within = shape[taken]!;
  if (taken !== key || (within === 'JSON') !== (rest.length === 0)) return false;
  // The same field, in a column of another type.
  return within === 'JSON' || put(within, rest);
}

/** What a load writes of a JSON value for each type; NULL for one that does not fit. */
const TYPED: Readonly<Record<PromotedType, (json: string) => string>> = {
  text: (json) => `CASE WHEN ${isText(json)} THEN ${textOf(json)} END`,
  // Written back as it was: a cast alone would round 1.5, and take the text "5".
  integer: (json) =>
    `CASE WHEN CAST(TRY_CAST(${json} AS BIGINT) AS VARCHAR) = ${json} THEN TRY_CAST(${json} AS BIGINT) END`,
  number: (json) =>
    `CASE WHEN ${json} >= '-' AND ${json} < ':' AND isfinite(TRY_CAST(${json} AS DOUBLE)) THEN TRY_CAST(${json} AS DOUBLE) END`,
  boolean: (json) => `CASE ${json} WHEN 'true' THEN true WHEN 'false' THEN false END`,
  timestamp: (json) => `CASE WHEN ${isText(json)} THEN ${instantOf(textOf(json))} END`,
};

const isText = (json: string): string => `starts_with(${json}, '"')`;
const textOf = (json: string): string => `json_extract_string(${json}, '$')`;

/** RFC 3339 alone, which DuckDB's cast is wider than, and years that every warehouse has. */
const RFC_3339 = '\\d{4}-\\d{2}-\\d{2}[Tt]\\d{2}:\\d{2}:\\d{2}(\\.\\d+)?([Zz]|[+-]\\d{2}:\\d{2})';

function instantOf(text: string): string {
  const instant = `TRY_CAST(upper(${text}) AS TIMESTAMPTZ)`;
  const between = `${instant} BETWEEN TIMESTAMPTZ '0001-01-01 00:00:00Z' AND TIMESTAMPTZ '9999-12-31 23:59:59.999999Z'`;
  return `CASE WHEN regexp_full_match(${text}, ${literal(RFC_3339)}) AND ${between} THEN ${instant} END`;
}

/** The object of what did not fit; column names need no escape in JSON. */
function clashes(promoted: readonly PromotedField[]): string {
  const clashed = promoted.map(
    ({ column }, index) => `(${identifier(column)} IS NULL AND ${value(index)} IS NOT NULL)`,
  );
  const members = promoted.map(
    ({ column }, index) => `CASE WHEN ${clashed[index]} THEN '"${column}":' || ${value(index)} END`,
  );
  return `CASE WHEN ${clashed.join(' OR ')} THEN CAST('{' || concat_ws(',', ${members.join(', ')}) || '}' AS JSON) END`;
}

/** Two objects of different members as one. Not merged as JSON, which would read each row's again and drop nulls within. */
function joined(first: string, second: string): string {
  return `CASE WHEN ${first} IS NULL THEN ${second} WHEN ${second} IS NULL THEN ${first}
    ELSE CAST(left(CAST(${first} AS VARCHAR), -1) || ',' || substr(CAST(${second} AS VARCHAR), 2) AS JSON) END`;
}
