import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import Table from 'cli-table3';
import { Command, Option } from 'commander';
import { loadConfig } from '../config.js';
import { HeadgateError, systemCodeOf } from '../errors.js';
import { dataPaths } from '../roles/stores.js';
import type { ExportFormat } from '../stores/warehouse/parquet/export.js';
import type { QueryResult } from '../stores/warehouse/parquet/query.js';
import { assertParquet } from './parquet-tenant.js';
import { cell, printable } from './terminal-text.js';

/** Rows a table shows; more is nothing to read, and the other formats give all. */
const MAX_TABLE_ROWS = 1000;

const FORMATS = ['table', 'json', 'ndjson', 'csv', 'parquet'] as const;

/** How a result is shown or written. */
export type QueryFormat = (typeof FORMATS)[number];

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
  input.stdout.write(format === 'json' ? asJson(result) : asTable(result));
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
  try {
    const path = join(directory, 'result');
    await exportTo(path, format, input);
    await pipeline(createReadStream(path), input.stdout, { end: false });
  } catch (error) {
    // `| head` has read what it wants.
    if (systemCodeOf(error) !== 'EPIPE') throw error;
  } finally {
    await rm(directory, { recursive: true, force: true });
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

interface QueryOptions {
  readonly format?: QueryFormat;
  readonly json: boolean;
  readonly out?: string;
  readonly force: boolean;
  readonly views: boolean;
}

async function writeViews(root: string, tenant: string): Promise<void> {
  const { viewsOf } = await import('../stores/warehouse/parquet/query.js');
  process.stdout.write(await viewsOf({ root, tenant }));
}

/** `headgate query TENANT "SQL" [--format FORMAT] [--out FILE]`. */
export function queryCommand(): Command {
  return new Command('query')
    .description("run a read-only SQL query over a tenant's warehouse")
    .argument('<tenant>', 'whose warehouse to read')
    .argument('[sql]', 'one SELECT (DuckDB SQL), or EXPLAIN of one')
    .addOption(
      new Option('--views', 'print the SQL of the views instead, for another DuckDB')
        .default(false)
        .conflicts(['format', 'json', 'out']),
    )
    .addOption(
      new Option(
        '--format <format>',
        'how to print or write the result; all rows, except of a table',
      ).choices(FORMATS),
    )
    .addOption(new Option('--json', 'the same as --format json').default(false).conflicts('format'))
    .option('--out <file>', 'write the result to a file; its ending says the format, if --format does not')
    .option('--force', 'replace the file if it is there', false)
    .addHelpText('after', HELP)
    .action(async (tenant: string, sql: string | undefined, { json, views, ...options }: QueryOptions) => {
      const { dataDir } = loadConfig();
      await assertParquet(dataDir, tenant);
      const root = dataPaths(dataDir).warehouse;
      if (views) return writeViews(root, tenant);
      if (sql === undefined)
        throw new HeadgateError('PARAMETER_INVALID', 'Give a query, such as "SELECT count(*) FROM events".');
      const format = json ? 'json' : options.format;
      await runQuery({ ...options, root, tenant, sql, format, stdout: process.stdout });
    });
}

const HELP = `
Tables: events, user_properties, user_properties_latest, decisions (DESCRIBE shows the columns). Each has "day", the day
of the load: a query that says which days it is about opens no files of others.

Files are written completely or not at all, and never over one that is there unless --force is given.

Examples:
  $ headgate query UA "SELECT type, count(*) FROM events GROUP BY type"
  $ headgate query UA "SELECT subject, data->>'model' AS model FROM user_properties_latest LIMIT 5"
  $ headgate query UA "SELECT rule, outcome, count(*) FROM decisions GROUP BY ALL" --json
  $ headgate query UA "DESCRIBE events"
  $ headgate query UA "SELECT type, count(*) FROM events WHERE day >= '2026-03-01' GROUP BY type"
  $ headgate query UA "SELECT * FROM events WHERE time >= '2026-03-01'" --out march.parquet
  $ headgate query UA "SELECT id, subject, data->>'delay' AS delay FROM events" --format csv | gzip > delays.csv.gz
  $ headgate query UA --views | duckdb ua.duckdb`;

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
