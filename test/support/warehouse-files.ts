import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { testDuckDB } from './duckdb.js';
import type { ParquetTable } from './parquet.js';

/** A row as a test gives it; columns that it leaves out are null. */
export type FileRow = Readonly<Record<string, string>>;

/** Writes a batch file where the batch store has it. */
export function writeBatchFile(
  dataDir: string,
  tenant: string,
  stream: string,
  batchId: string,
  rows: readonly FileRow[],
): void {
  const day = `${batchId.slice(0, 4)}-${batchId.slice(4, 6)}-${batchId.slice(6, 8)}`;
  const path = join(dataDir, 'batches', tenant, stream, day, `${batchId}.ndjson.gz`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, gzipSync(rows.map((row) => `${JSON.stringify(row)}\n`).join('')));
}

/** Writes a Parquet file where the warehouse has it, whatever is in it. */
export async function writeParquetFile(
  dataDir: string,
  tenant: string,
  table: ParquetTable,
  name: string,
  rows: readonly FileRow[],
): Promise<void> {
  const directory = join(dataDir, 'warehouse', tenant, table, 'day=2026-03-01');
  mkdirSync(directory, { recursive: true });
  const lines = join(dataDir, `${name}.ndjson`);
  writeFileSync(lines, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const typed = columns.map((column) => `${column}: 'VARCHAR'`).join();
  const connection = await testDuckDB();
  await connection.run(
    `COPY (FROM read_json('${lines}', format = 'newline_delimited', columns = {${typed}})) TO '${join(directory, `${name}.parquet`)}' (FORMAT parquet)`,
  );
}
