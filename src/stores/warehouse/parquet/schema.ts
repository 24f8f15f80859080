import { resolve } from 'node:path';
import { HeadgateError, messageOf } from '../../../errors.js';
import type { Table } from '../../../events/columns.js';
import { columnsOf, TABLES } from '../../../events/columns.js';
import { createEngine, type EngineOptions } from '../engine.js';
import { CLASHES, writeField } from '../../../events/promoted-field.js';
import { identifier, literal, literalList } from '../sql.js';
import { liveFiles } from './compacted-file.js';
import type { TenantWarehouse } from './confinement.js';
import { listFiles } from './files.js';
import { readTableFiles, rowsOf, type TableFiles } from './promotions.js';

/** A column of a tenant's table, as its files have it. */
export interface ColumnSchema {
  readonly name: string;
  /** As DuckDB calls it. */
  readonly type: string;
  /** Rows with a value. */
  readonly values: number;
  /** Of a promoted field: the keys that lead to it in `data`, as a tenant's file has them. */
  readonly field?: string;
  /** Of a promoted field: `loaded_at` of the first load that has the column, RFC 3339. What came before is taken from `data`. */
  readonly since?: string;
  /** Of a promoted field: values that did not fit the type, and one of them as JSON. */
  readonly clashes?: { readonly count: number; readonly sample: string };
}

/** A table of a tenant. */
export interface TableSchema {
  readonly table: Table;
  /** In its files; an event that was taken in twice has two. */
  readonly rows: number;
  readonly columns: readonly ColumnSchema[];
}

type Query = (sql: string) => Promise<unknown[][]>;

/**
 * Reads the tables of a tenant: their columns with the number of values in each, and what has clashed. The numbers are those
 * of the files' footers, so that it reads little; of a field that was promoted later, the rows loaded before are looked at.
 * @throws HeadgateError `TENANT_ID_INVALID`, `WAREHOUSE_FAILED`
 */
export async function readTenantSchema({
  root,
  tenant,
  ...options
}: TenantWarehouse & EngineOptions): Promise<TableSchema[]> {
  const engine = createEngine({ threads: 2, ...options });
  try {
    return await engine.use(async (connection) => {
      const query: Query = async (sql) => (await connection.runAndReadAll(sql)).getRowsJS();
      const tables: TableSchema[] = [];
      for (const table of TABLES) {
        const paths = await liveFiles(query, await listFiles(resolve(root), tenant, table));
        tables.push(await readTable(query, table, paths));
      }
      return tables;
    });
  } catch (error) {
    if (error instanceof HeadgateError) throw error;
    const message = `The tables of ${tenant} cannot be read: ${messageOf(error)}`;
    throw new HeadgateError('WAREHOUSE_FAILED', message, { cause: error });
  } finally {
    await engine.close();
  }
}

async function readTable(query: Query, table: Table, paths: readonly string[]): Promise<TableSchema> {
  const files = await readTableFiles(query, paths);
  const values = await countValues(query, table, files);
  const clashes = files.promoted.length === 0 ? new Map() : await readClashes(query, table, files);
  return {
    table,
    rows: await countRows(query, paths),
    columns: columnsOf(table, files.promoted).map(({ name, type }) => {
      const promoted = files.promoted.find(({ column }) => column === name);
      const counted = { name, type, values: values.get(name) ?? 0 };
      if (promoted === undefined) return counted;
      const { path, first: since } = promoted;
      return { ...counted, field: writeField(path), since, ...clashes.get(name) };
    }),
  };
}

async function countRows(query: Query, paths: readonly string[]): Promise<number> {
  if (paths.length === 0) return 0;
  const [row] = await query(`SELECT sum(num_rows) FROM parquet_file_metadata(${literalList(paths)})`);
  return Number(row?.[0] ?? 0);
}

/** By column, from the footers; of the columns that a file lacks, from its rows. */
async function countValues(query: Query, table: Table, files: TableFiles): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  const add = (name: string, count: unknown): void =>
    void counts.set(name, (counts.get(name) ?? 0) + Number(count));
  const { promoted } = files;
  for (const group of files.groups) {
    const held = columnsOf(table, group.held).map(({ name }) => name);
    const rows = await query(`SELECT path_in_schema, sum(num_values - stats_null_count)
      FROM parquet_metadata(${literalList(group.files)}) GROUP BY path_in_schema`);
    const missing = promoted.map(({ column }) => column).filter((column) => !held.includes(column));
    // What stands in `_clashes` for a field that was promoted later is in no footer.
    const counted = missing.length === 0 ? held : held.filter((name) => name !== CLASHES);
    for (const [name, count] of rows) if (counted.includes(String(name))) add(String(name), count);
    if (missing.length === 0) continue;
    const looked = [...missing, CLASHES];
    const select = looked.map((name) => `count(${identifier(name)})`).join(', ');
    const [row = []] = await query(`SELECT ${select} FROM (${rowsOf(table, { promoted, groups: [group] })})`);
    looked.forEach((name, index) => add(name, row[index]));
  }
  return counts;
}

async function readClashes(
  query: Query,
  table: Table,
  files: TableFiles,
): Promise<Map<string, Pick<ColumnSchema, 'clashes'>>> {
  const rows =
    await query(`SELECT name, count(*), any_value(CAST(json_extract(${CLASHES}, '/' || name) AS VARCHAR))
    FROM (SELECT unnest(json_keys(${CLASHES})) AS name, ${CLASHES} FROM (${rowsOf(table, files)})
      WHERE ${CLASHES} IS NOT NULL)
    WHERE name IN (${files.promoted.map(({ column }) => literal(column)).join(', ')}) GROUP BY name`);
  return new Map(
    rows.map(([name, count, sample]) => [
      String(name),
      { clashes: { count: Number(count), sample: String(sample) } },
    ]),
  );
}
