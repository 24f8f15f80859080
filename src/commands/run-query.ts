import { createReadStream, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import Table from 'cli-table3';
import { loadConfig } from '../config.js';
import { dataPaths } from '../roles/stores.js';
import { assertParquet } from './parquet-tenant.js';
import { HeadgateError, systemCodeOf } from '../errors.js';
import { printable } from '../platform/printable.js';
import type { ExportFormat } from '../stores/warehouse/parquet/export.js';
import type { QueryResult } from '../stores/warehouse/parquet/query.js';
import { cell } from './terminal-text.js';
import { warnOfNothingToRead } from './unknown-tenant.js';
import { noted } from './note-act.js';

/** Rows a table shows; more is nothing to read, and the other formats give all. */
const MAX_TABLE_ROWS = 1000;

const FORMAT_OF_ENDING: Readonly<Record<string, ExportFormat>> = {
  '.json': 'json',
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
  '.csv': 'csv',
  '.parquet': 'parquet',
};

/** One `headgate query`. */
export interface QueryCommandInput {
  /** The directory above all tenants' warehouse directories. */
  readonly root: string;
  readonly tenant: string;
  readonly sql: string;
  /** Default: what the ending of `out` says, else a table. */
  readonly format?: QueryFormat;
  /** The file to write all rows to. Default: `stdout`. */
  readonly out?: string;
  /** Replace `out` when it is there. Default false. */
  readonly force?: boolean;
  readonly stdout: Writable;
}

/**
 * Runs a query over a tenant's warehouse and prints what it gives, or writes it to a file.
 * @throws HeadgateError `QUERY_REFUSED`, `QUERY_FAILED`, `TENANT_ID_INVALID`, `PARAMETER_INVALID` (a format that does not
 * go with where it is to be written), `FILE_EXISTS`, `FILE_UNWRITABLE`, `DISK_FULL`
 */
export async function runQuery(input: QueryCommandInput): Promise<void> {
  if (input.out !== undefined) return writeFile(input, fileFormat(input.out, input.format), input.out);
  const format = input.format ?? 'table';
  if (format === 'parquet')
    throw new HeadgateError(
      'PARAMETER_INVALID',
      'Parquet is nothing for a terminal: name a file with --out.',
    );
  if (format === 'ndjson' || format === 'csv') return writeLines(input, format);
  // Loading DuckDB takes a tenth of a second, which the other commands need not pay.
  const { queryTenant } = await import('../stores/warehouse/parquet/query.js');
  const { root, tenant, sql } = input;
  const maxRows = format === 'json' ? Number.MAX_SAFE_INTEGER - 1 : MAX_TABLE_ROWS;
  const result = await queryTenant({ root, tenant, sql, maxRows });
  input.stdout.write(format === 'json' ? printable(asJson(result)) : asTable(result));
}

function fileFormat(out: string, format?: QueryFormat): ExportFormat {
  if (format !== undefined && format !== 'table') return format;
  const named = FORMAT_OF_ENDING[extname(out).toLowerCase()];
  if (format === undefined && named !== undefined) return named;
  const problem = format === 'table' ? 'A table is for the terminal' : `The ending of ${out} names no format`;
  throw new HeadgateError('PARAMETER_INVALID', `${problem}: say --format json, ndjson, csv or parquet.`);
}

async function writeFile(input: QueryCommandInput, format: ExportFormat, path: string): Promise<void> {
  const rows = await exportTo(path, format, input);
  input.stdout.write(`${countOf(rows)} written to ${path}\n`);
}

/** Goes by a file, since DuckDB cannot write into every kind of pipe; no row is held in memory. */
async function writeLines(input: QueryCommandInput, format: ExportFormat): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'headgate-export-'));
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  // Also when the process is ended, by a reader that has had enough or by a second Ctrl-C.
  process.once('exit', remove);
  try {
    const path = join(directory, 'result');
    await exportTo(path, format, input);
    await pipeline(createReadStream(path), input.stdout, { end: false });
  } catch (error) {
    // `| head` has read what it wants.
    if (systemCodeOf(error) !== 'EPIPE') throw error;
  } finally {
    process.off('exit', remove);
    remove();
  }
}

/** Ctrl-C stops the query and removes what is half written; a second one ends the process at once. */
async function exportTo(path: string, format: ExportFormat, input: QueryCommandInput): Promise<number> {
  const { exportTenant } = await import('../stores/warehouse/parquet/export.js');
  const { root, tenant, sql, force } = input;
  const stop = new AbortController();
  const onInterrupt = (): void => stop.abort(new HeadgateError('QUERY_FAILED', 'The query was stopped.'));
  process.once('SIGINT', onInterrupt);
  try {
    return await exportTenant({ root, tenant, sql, force, format, path, signal: stop.signal });
  } finally {
    process.off('SIGINT', onInterrupt);
  }
}

/** How a result is shown or written. */
export type QueryFormat = 'table' | 'json' | 'ndjson' | 'csv' | 'parquet';

/** Options of `headgate query`. */
export interface QueryOptions {
  readonly format?: QueryFormat;
  readonly json: boolean;
  readonly out?: string;
  readonly force: boolean;
  readonly views: boolean;
}

/** Runs `headgate query`: prints the result of a query, or the SQL of the views. */
export async function queryWarehouse(
  tenant: string,
  sql: string | undefined,
  { json, views, ...options }: QueryOptions,
): Promise<void> {
  const config = loadConfig();
  const { dataDir } = config;
  await assertParquet(dataDir, tenant);
  await warnOfNothingToRead(dataDir, tenant);
  const root = dataPaths(dataDir).warehouse;
  if (views) return writeViews(root, tenant);
  if (sql === undefined)
    throw new HeadgateError('PARAMETER_INVALID', 'Give a query, such as "SELECT count(*) FROM events".');
  const format = json ? 'json' : options.format;
  await noted(config, { act: 'query', kind: 'reads', tenant }, () =>
    runQuery({ ...options, root, tenant, sql, format, stdout: process.stdout }),
  );
}

async function writeViews(root: string, tenant: string): Promise<void> {
  const { viewsOf } = await import('../stores/warehouse/parquet/query.js');
  process.stdout.write(await viewsOf({ root, tenant }));
}

function asJson({ columns, rows }: QueryResult): string {
  const objects = rows.map((row) => Object.fromEntries(columns.map(({ name }, index) => [name, row[index]])));
  return `[${objects.map((object) => `\n  ${JSON.stringify(object)}`).join(',')}\n]\n`;
}

function asTable({ columns, rows, truncated }: QueryResult): string {
  // A plan is a drawing in one cell, many lines high.
  if (columns[0]?.name === 'explain_key') return rows.map((row) => `${printable(String(row[1]))}\n`).join('');
  const table = new Table({ head: columns.map(({ name }) => cell(name)), style: { head: [], border: [] } });
  for (const row of rows) table.push(row.map((value) => cell(textOf(value))));
  const more = truncated ? ' shown, there are more: add LIMIT, or --json for all' : '';
  return `${table.toString()}\n${countOf(rows.length)}${more}\n`;
}

function countOf(rows: number): string {
  return `${rows.toLocaleString('en')} ${rows === 1 ? 'row' : 'rows'}`;
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
