import { dirname, join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { writeDurably } from '../../../durable-file.js';
import { faultPoint } from '../../../fault-point.js';
import type { Column, Table } from '../columns.js';
import { columnsOf, KEY_COLUMNS } from '../columns.js';
import { compactedMetadata, compactedName, isCompacted, isMarked, REPEATED } from './compacted-file.js';
import type { StoredFile } from './ledger.js';
import { merged, promotedMember } from './promotions.js';
import { identifier, literal, literalList } from '../sql.js';
import { FIRST_LOADED } from './views.js';

/** A file's place among those read together, and a row's in it, as one number. */
const PLACE = '(CAST(file_index AS BIGINT) << 32) + file_row_number';

/** What one compacted file is made of. */
export interface CompactedInput {
  readonly table: Table;
  /** Of one day and the same promoted fields, live. */
  readonly group: readonly StoredFile[];
  /** All live files of the table, of every day, whose rows say whether they repeat. */
  readonly marked: readonly string[];
}

/**
 * Writes the file that replaces a group, and says of each row whether its event or decision is there already: in a file
 * that was compacted before, or in a row of this group that was loaded earlier. Rows of files that say so themselves keep
 * what they say. Two compactions of a table at once would not see each other's rows.
 * @returns its path
 */
export async function writeCompacted(
  connection: DuckDBConnection,
  { table, group, marked }: CompactedInput,
): Promise<string> {
  const promoted = merged(group.flatMap((file) => file.promoted));
  const columns = columnsOf(table, promoted);
  // Files to compare come first, so that a row's place among them is its place among all.
  const fresh = group.map(({ path }) => path).filter((path) => !isMarked(path));
  const inputs = [...fresh, ...group.map(({ path }) => path).filter(isMarked)];
  const path = join(dirname(inputs[0]!), compactedName(columns, promoted, inputs));
  const expected = group.reduce((sum, { rows }) => sum + rows, 0);
  const anyRepeated = await findRepeated(connection, table, fresh, marked);
  const metadata = compactedMetadata(
    group.flatMap(({ holds }) => holds),
    group.flatMap((file) => [...(isCompacted(file.path) ? [file.path] : []), ...file.replaces]),
  );
  await writeDurably(path, async (temporary) => {
    const select = selectStatement(columns, inputs, fresh.length, anyRepeated);
    const keyValues = Object.entries(metadata).map(([key, value]) => `${key}: ${literal(value)}`);
    const { rowsChanged } = await connection.run(
      `COPY (${select}) TO ${literal(temporary)} (FORMAT parquet, COMPRESSION zstd, KV_METADATA {${keyValues.join(', ')}${promotedMember(promoted)}})`,
    );
    if (rowsChanged !== expected)
      throw new Error(`${rowsChanged} rows were read from ${inputs.length} files that have ${expected}`);
    faultPoint('compact-rename.before');
  });
  faultPoint('compact-rename.after');
  return path;
}

/**
 * The files in this order, and the rows of each in theirs: DuckDB keeps the order it reads in.
 * @param fresh so many of the files, the first, do not say which of their rows repeat
 */
function selectStatement(
  columns: readonly Column[],
  inputs: readonly string[],
  fresh: number,
  anyRepeated: boolean,
): string {
  const cast = columns.map(({ name, type }) => `CAST(${identifier(name)} AS ${type}) AS ${identifier(name)}`);
  const empty = columns.map(({ name, type }) => `CAST(NULL AS ${type}) AS ${identifier(name)}`);
  const found = anyRepeated ? 'place IN (SELECT place FROM repeated)' : 'false';
  // Files of version 0.1.0 may have the column, and mean something else by it.
  const repeated = `CASE WHEN place < (CAST(${fresh} AS BIGINT) << 32) THEN ${found} ELSE ${REPEATED} END`;
  return `SELECT ${cast.join(', ')}, ${repeated} AS ${REPEATED}
    FROM (
      SELECT *, ${PLACE} AS place
      FROM read_parquet(${literalList(inputs)}, hive_partitioning = false, union_by_name = true)
      UNION ALL BY NAME SELECT ${empty.join(', ')}, CAST(NULL AS BOOLEAN) AS ${REPEATED}, 0 AS place WHERE false
    )`;
}

/**
 * Fills the table `repeated` with the places of rows whose key is there already. Keys are compared by hashes of eight bytes,
 * which bounds the memory, and in full only where two hashes are the same.
 * @returns whether there are any
 */
async function findRepeated(
  connection: DuckDBConnection,
  table: Table,
  fresh: readonly string[],
  marked: readonly string[],
): Promise<boolean> {
  const key = KEY_COLUMNS[table].map(identifier).join(', ');
  if (fresh.length === 0) return false;
  const read = `read_parquet(${literalList(fresh)}, hive_partitioning = false, union_by_name = true)`;
  const firsts = `(SELECT ${key} FROM read_parquet(${literalList(marked)}, hive_partitioning = false, union_by_name = true)
    WHERE NOT ${REPEATED})`;
  await connection.run(`CREATE OR REPLACE TEMP TABLE hashes AS SELECT hash(${key}) AS h FROM ${read}`);
  await connection.run(
    'CREATE OR REPLACE TEMP TABLE suspects AS SELECT h FROM hashes GROUP BY h HAVING count(*) > 1',
  );
  if (marked.length > 0)
    await connection.run(
      `INSERT INTO suspects SELECT DISTINCT h FROM (SELECT hash(${key}) AS h FROM ${firsts}) SEMI JOIN hashes USING (h)`,
    );
  await connection.run('DROP TABLE hashes');
  if ((await countOf(connection, 'suspects')) === 0) return false;
  const held =
    marked.length === 0
      ? 'false'
      : `(${key}) IN (SELECT ${key} FROM ${firsts} WHERE hash(${key}) IN (SELECT h FROM suspects))`;
  await connection.run(`CREATE OR REPLACE TEMP TABLE repeated AS SELECT place FROM (
      SELECT place, ${held} AS held, row_number() OVER (PARTITION BY ${key} ORDER BY ${FIRST_LOADED}, place) AS copy
      FROM (SELECT *, ${PLACE} AS place FROM ${read}) WHERE hash(${key}) IN (SELECT h FROM suspects)
    ) WHERE held OR copy > 1`);
  return (await countOf(connection, 'repeated')) > 0;
}

async function countOf(connection: DuckDBConnection, table: 'suspects' | 'repeated'): Promise<number> {
  return Number((await connection.runAndReadAll(`SELECT count(*) FROM ${table}`)).getRowsJS()[0]?.[0]);
}
