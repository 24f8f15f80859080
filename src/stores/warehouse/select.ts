import type { Column } from '../../events/columns.js';
import { COLUMNS, tableOf } from '../../events/columns.js';
import { promote } from './promote.js';
import { identifier, literal, literalList } from './sql.js';
import type { LoadBatch, LoadInput } from './warehouse.js';

/**
 * The SELECT that makes a table's rows of batch files, in the order of the files and of the lines in each. Its columns
 * are those of `columnsOf` for the load's table and promoted fields.
 */
export function selectStatement(input: LoadInput, batches: readonly LoadBatch[]): string {
  const columns = COLUMNS[tableOf(input.stream)];
  const select = columns.map((column) => `${expression(column, input)} AS ${identifier(column.name)}`);
  const rows = `SELECT ${select.join(', ')}
    FROM read_json(${literalList(batches.map((batch) => batch.path))}, format = 'newline_delimited',
      compression = 'gzip', filename = true, columns = ${lineColumns(columns)})`;
  const { promoted = [] } = input;
  if (promoted.length === 0) return rows;
  return promote({ from: rows, columns: columns.map(({ name }) => identifier(name)), promoted });
}

/** Named and typed, so that DuckDB guesses nothing from what producers send. Times are cast by {@link timestamp}. */
function lineColumns(columns: readonly Column[]): string {
  const members = columns
    .filter((column) => column.from === 'line')
    .map((column) => `${identifier(column.name)}: '${column.type === 'JSON' ? 'JSON' : 'VARCHAR'}'`);
  return `{${members.join(', ')}}`;
}

function expression(column: Column, input: LoadInput): string {
  if (column.from === 'file name') return "split_part(parse_filename(filename), '.', 1)";
  if (column.name === 'load_id') return literal(input.loadId);
  if (column.name === 'loaded_at') return `CAST(${literal(input.loadedAt)} AS TIMESTAMPTZ)`;
  return column.type === 'TIMESTAMPTZ' ? timestamp(identifier(column.name)) : identifier(column.name);
}

/**
 * RFC 3339 also allows a lower-case `t` and `z` and a leap second (section 5.6), which DuckDB's cast refuses; one such
 * event would fail its load for ever. The leap second becomes the second before it.
 * @see https://www.rfc-editor.org/rfc/rfc3339#section-5.6
 */
function timestamp(name: string): string {
  const corrected = `regexp_replace(upper(${name}), '(:[0-9]{2}):60', '\\1:59')`;
  return `coalesce(try_cast(${name} AS TIMESTAMPTZ), CAST(${corrected} AS TIMESTAMPTZ))`;
}
