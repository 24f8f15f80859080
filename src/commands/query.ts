import { Command, Option } from 'commander';
import type { QueryFormat, QueryOptions } from './run-query.js';

const FORMATS: readonly QueryFormat[] = ['table', 'json', 'ndjson', 'csv', 'parquet'];

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
    .action(async (tenant: string, sql: string | undefined, options: QueryOptions) =>
      (await import('./run-query.js')).queryWarehouse(tenant, sql, options),
    );
}

const HELP = `
Tables: events, user_properties, user_properties_latest, decisions, usage, audit_log (DESCRIBE shows the columns). Each has "day",
the day of the load (in usage, the day it is about): a query that says which days it is about opens no files of others.

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
