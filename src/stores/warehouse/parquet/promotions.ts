import type { Table } from '../../../events/columns.js';
import { columnsOf } from '../../../events/columns.js';
import { countClashesIn, promote } from '../promote.js';
import { CLASHES, type PromotedField } from '../../../events/promoted-field.js';
import { identifier, literal, literalList } from '../sql.js';
import { columnsKeyOf, isMarked, REPEATED } from './compacted-file.js';

/** A promoted field as a file has it. */
export interface HeldField extends PromotedField {
  /** `loaded_at` of the first and of the last load that brought it into the file. */
  readonly first: string;
  readonly last: string;
}

/** Files of a table that have the same columns. */
interface FileGroup {
  readonly files: readonly string[];
  /** Their rows say whether they repeat an id, see `isMarked`; {@link rowsOf} adds that column where all groups have it. */
  readonly marked: boolean;
  /** Fields whose columns are taken as they are; the others of the table are worked out from `data`. */
  readonly held: readonly PromotedField[];
}

/** The files of a table to read. */
export interface TableFiles {
  /** Every promoted field that a file of them has; of two that share a column, the one loaded last. */
  readonly promoted: readonly HeldField[];
  readonly groups: readonly FileGroup[];
}

/** Column of each row's number in its file, which {@link rowsOf} adds. */
export const ROW_IN_FILE = 'row_in_file';

/** Column of the day of the load, which {@link rowsOf} adds; a file may have a `day` from somebody else. */
export const DAY_OF_ROW = '_day';

/** From the directory's name, by which DuckDB leaves out the files of other days than are asked for, unopened. */
const DAY_OF_FILE = `TRY_CAST(regexp_extract(filename, 'day=([0-9-]{10})[/\\\\][^/\\\\]*$', 1) AS DATE)`;

/** The key-value metadata in which a load's file says what it has promoted; nothing where that is nothing. */
export function promotedMetadata(promoted: readonly PromotedField[], loadedAt: string): readonly HeldField[] {
  return promoted.map(({ column, path, type }) => ({ column, path, type, first: loadedAt, last: loadedAt }));
}

/** The KV_METADATA member for {@link promotedMetadata}, with a comma before it. */
export function promotedMember(promoted: readonly HeldField[]): string {
  return promoted.length === 0 ? '' : `, promoted: ${literal(JSON.stringify(promoted))}`;
}

/**
 * Reads from their metadata which columns files have. Of compacted files with the same columns, which their names say, only
 * the last is opened, so that a query opens none that it need not read.
 * @param query runs SQL and gives the rows
 */
export async function readTableFiles(
  query: (sql: string) => Promise<unknown[][]>,
  paths: readonly string[],
): Promise<TableFiles> {
  if (paths.length === 0) return { promoted: [], groups: [] };
  const opened = new Map(paths.map((path) => [isMarked(path) ? columnsKeyOf(path) : path, path]));
  const rows = await query(
    `SELECT file_name, decode(value) FROM parquet_kv_metadata(${literalList([...opened.values()])}) WHERE decode(key) = 'promoted'`,
  );
  const byFile = new Map(
    rows.map(([path, fields]) => [String(path), JSON.parse(String(fields)) as HeldField[]]),
  );
  const promoted = merged([...byFile.values()].flat());
  const groups = new Map<string, FileGroup & { files: string[] }>();
  for (const path of paths) {
    const [marked, columnsKey] = [isMarked(path), columnsKeyOf(path)];
    const held = heldOf(byFile.get(opened.get(columnsKey) ?? path) ?? [], promoted);
    const key = `${columnsKey} ${held.map(({ column }) => column).join()}`;
    const group = groups.get(key) ?? { files: [], marked, held };
    groups.set(key, group);
    group.files.push(path);
  }
  return { promoted, groups: [...groups.values()] };
}

/**
 * The table's fields that a file has. None where one of its columns means something else: what clashed with that is told
 * with it.
 * @param held as the file itself says
 * @param promoted the fields of the table
 */
export function heldOf(held: readonly HeldField[], promoted: readonly HeldField[]): HeldField[] {
  const same = promoted.filter((field) => held.some((each) => isSame(field, each)));
  return same.length === held.length ? same : [];
}

/**
 * All rows of a table's files with all its columns, as a SELECT. What was loaded before a field was promoted has its value
 * in `data`, from where it is taken when a query asks for the column.
 */
export function rowsOf(table: Table, { promoted, groups }: TableFiles): string {
  const marked = groups.length > 0 && groups.every((group) => group.marked);
  const added = [ROW_IN_FILE, DAY_OF_ROW, ...(marked ? [REPEATED] : [])];
  const all = groups.map((group) => {
    const from = `${read(group)} UNION ALL BY NAME ${empty(table, group.held, marked)}`;
    return withMissing({ table, from, held: group.held, promoted, added });
  });
  if (all.length === 0) return empty(table, [], false);
  return all.length === 1 ? all[0]! : all.map((each) => `(${each})`).join(' UNION ALL BY NAME ');
}

/** Rows of files with the same columns, and what they are to have. */
export interface MissingFields {
  readonly table: Table;
  /** A SELECT of the rows, with the columns of `held`. */
  readonly from: string;
  readonly held: readonly PromotedField[];
  readonly promoted: readonly PromotedField[];
  /** Other columns that are kept. */
  readonly added: readonly string[];
}

/** The rows with the columns that they lack, whose values are taken from `data`. */
export function withMissing({ table, from, held, promoted, added }: MissingFields): string {
  const missing = promoted.filter((field) => !held.some((each) => isSame(field, each)));
  if (missing.length === 0) return from;
  const has = columnsOf(table, held).filter(({ name }) => name !== CLASHES);
  const columns = [...has.map(({ name }) => identifier(name)), ...added];
  return promote({ from, columns, promoted: missing, clashesBefore: held.length > 0 });
}

/** The rows of files as they are. Compacted files are read by the columns of the first, so that no other need be opened before. */
function read({ files, marked }: FileGroup): string {
  return `SELECT ${DAY_OF_FILE} AS ${DAY_OF_ROW}, file_row_number AS ${ROW_IN_FILE}, *
    FROM read_parquet(${literalList(files)}, union_by_name = ${!marked}, hive_partitioning = false, filename = true)`;
}

/** Gives every column its type when no file has it, or there is no file yet. */
function empty(table: Table, promoted: readonly PromotedField[], marked: boolean): string {
  const typed = columnsOf(table, promoted).map(
    ({ name, type }) => `CAST(NULL AS ${type}) AS ${identifier(name)}`,
  );
  const added = [`CAST(NULL AS BIGINT) AS ${ROW_IN_FILE}`, `CAST(NULL AS DATE) AS ${DAY_OF_ROW}`];
  if (marked) added.push(`CAST(NULL AS BOOLEAN) AS ${REPEATED}`);
  return `SELECT ${[...typed, ...added].join(', ')} WHERE false`;
}

/** How many values of each column are in the `_clashes` of files, by column; columns with none are left out. */
export async function countClashes(
  query: (sql: string) => Promise<unknown[][]>,
  paths: readonly string[],
): Promise<Record<string, number>> {
  if (paths.length === 0) return {};
  const rows = `SELECT * FROM read_parquet(${literalList(paths)}, union_by_name = true, hive_partitioning = false)
    UNION ALL BY NAME SELECT CAST(NULL AS JSON) AS ${CLASHES} WHERE false`;
  return countClashesIn(query, `(${rows})`);
}

/** The fields of several files, each column once. */
function merged(fields: readonly HeldField[]): HeldField[] {
  const byColumn = new Map<string, HeldField>();
  for (const field of fields) {
    const known = byColumn.get(field.column);
    if (known === undefined) byColumn.set(field.column, field);
    else if (isSame(known, field)) {
      const first = known.first < field.first ? known.first : field.first;
      const last = known.last > field.last ? known.last : field.last;
      byColumn.set(field.column, { ...known, first, last });
    } else if (known.last < field.last) byColumn.set(field.column, field);
  }
  return [...byColumn.values()].sort((a, b) => (a.first === b.first ? 0 : a.first < b.first ? -1 : 1));
}

function isSame(a: PromotedField, b: PromotedField): boolean {
  return a.column === b.column && a.type === b.type && JSON.stringify(a.path) === JSON.stringify(b.path);
}
