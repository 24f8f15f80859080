import { dirname, join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { writeDurably } from '../../../platform/durable-file.js';
import { faultPoint } from '../../../platform/fault-point.js';
import type { Table } from '../../../events/columns.js';
import { columnsOf, KEY_COLUMNS } from '../../../events/columns.js';
import { compactedMetadata, compactedName, isCompacted, isMarked, REPEATED } from './compacted-file.js';
import type { StoredFile } from './ledger.js';
import { heldOf, promotedMember, withMissing, type HeldField } from './promotions.js';
import { identifier, literal, literalList } from '../sql.js';
import { FIRST_LOADED } from './views.js';

/**
 * A file's place among all that are read, and a row's in it, as one number.
 * @param before files that come before those which one `read_parquet` reads
 */
const placeAfter = (before: number): string =>
  `(CAST(file_index + ${before} AS BIGINT) << 32) + file_row_number`;

/** What one compacted file is made of. */
export interface CompactedInput {
  readonly table: Table;
  /** The promoted fields of the table. */
  readonly promoted: readonly HeldField[];
  /** Of one day, live. */
  readonly group: readonly StoredFile[];
  /** All live files of the table, of every day, whose rows say whether they repeat. */
  readonly marked: readonly string[];
}

/** Files that are read together, since they have the same columns. */
interface Alike {
  readonly paths: string[];
  readonly held: readonly HeldField[];
}

/**
 * Writes the file that replaces a group, and says of each row whether its event or decision is there already: in a file
 * that was compacted before, or in a row of this group that was loaded earlier. Rows of files that say so themselves keep
 * what they say. Two compactions of a table at once would not see each other's rows. Fields that were promoted after a file
 * was written get their columns, with what `data` has.
 * @returns its path
 */
export async function writeCompacted(
  connection: DuckDBConnection,
  { table, promoted, group, marked }: CompactedInput,
): Promise<string> {
  const columns = columnsOf(table, promoted);
  // Files to compare come first, so that a row's place among them is its place among all.
  const fresh = alike(
    group.filter((file) => !isMarked(file.path)),
    promoted,
  );
  const all = [
    ...fresh,
    ...alike(
      group.filter(({ path }) => isMarked(path)),
      promoted,
    ),
  ];
  const [freshPaths, inputs] = [fresh, all].map((each) => each.flatMap(({ paths }) => paths)) as [
    string[],
    string[],
  ];
  const path = join(dirname(inputs[0]!), compactedName(columns, promoted, inputs));
  const expected = group.reduce((sum, { rows }) => sum + rows, 0);
  const anyRepeated = await findRepeated(connection, table, freshPaths, marked);
  const metadata = compactedMetadata(
    group.flatMap(({ holds }) => holds),
    group.flatMap((file) => [...(isCompacted(file.path) ? [file.path] : []), ...file.replaces]),
  );
  await writeDurably(path, async (temporary) => {
    const repeats = { fresh: freshPaths.length, anyRepeated };
    const select = selectStatement(table, promoted, all, repeats);
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

/** Files by the promoted fields that they have, in the order they came in. */
function alike(files: readonly StoredFile[], promoted: readonly HeldField[]): Alike[] {
  const byFields = new Map<string, Alike>();
  for (const { path, promoted: ofFile } of files) {
    const held = heldOf(ofFile, promoted);
    const key = held.map(({ column }) => column).join();
    const same = byFields.get(key) ?? { paths: [], held };
    byFields.set(key, same);
    same.paths.push(path);
  }
  return [...byFields.values()];
}

/**
 * The files in this order, and the rows of each in theirs: DuckDB keeps the order it reads in.
 * @param fresh the number of files, the first ones, that do not say which of their rows repeat
 */
function selectStatement(
  table: Table,
  promoted: readonly HeldField[],
  all: readonly Alike[],
  { fresh, anyRepeated }: { fresh: number; anyRepeated: boolean },
): string {
  const cast = columnsOf(table, promoted).map(
    ({ name, type }) => `CAST(${identifier(name)} AS ${type}) AS ${identifier(name)}`,
  );
  const found = anyRepeated ? 'place IN (SELECT place FROM repeated)' : 'false';
  // Files of version 0.1.0 may have the column, and mean something else by it.
  const repeated = `CASE WHEN place < (CAST(${fresh} AS BIGINT) << 32) THEN ${found} ELSE ${REPEATED} END`;
  let before = 0;
  const rows = all.map(({ paths, held }) => {
    const from = readStatement(table, paths, held, before);
    before += paths.length;
    return `(${withMissing({ table, from, held, promoted, added: [REPEATED, 'place'] })})`;
  });
  return `SELECT ${cast.join(', ')}, ${repeated} AS ${REPEATED} FROM (${rows.join(' UNION ALL BY NAME ')})`;
}

function readStatement(
  table: Table,
  paths: readonly string[],
  held: readonly HeldField[],
  before: number,
): string {
  const empty = columnsOf(table, held).map(
    ({ name, type }) => `CAST(NULL AS ${type}) AS ${identifier(name)}`,
  );
  return `SELECT *, ${placeAfter(before)} AS place
    FROM read_parquet(${literalList(paths)}, hive_partitioning = false, union_by_name = true)
    UNION ALL BY NAME SELECT ${empty.join(', ')}, CAST(NULL AS BOOLEAN) AS ${REPEATED}, 0 AS place WHERE false`;
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
      FROM (SELECT *, ${placeAfter(0)} AS place FROM ${read}) WHERE hash(${key}) IN (SELECT h FROM suspects)
    ) WHERE held OR copy > 1`);
  return (await countOf(connection, 'repeated')) > 0;
}

async function countOf(connection: DuckDBConnection, table: 'suspects' | 'repeated'): Promise<number> {
  return Number((await connection.runAndReadAll(`SELECT count(*) FROM ${table}`)).getRowsJS()[0]?.[0]);
}
