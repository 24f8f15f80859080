import { join } from 'node:path';
import Table from 'cli-table3';
import { Command } from 'commander';
import { loadConfig } from '../config.js';
import type { QueryResult } from '../stores/warehouse/query.js';
import { cell, printable } from './terminal-text.js';

/** Rows a table shows; more is nothing to read, and `--json` gives all. */
const MAX_TABLE_ROWS = 1000;

/** One `headgate query`. */
export interface QueryCommandInput {
  /** The directory above all tenants' warehouse directories. */
  readonly root: string;
  readonly tenant: string;
  readonly sql: string;
  /** Print one JSON array of objects instead of a table. */
  readonly json: boolean;
  readonly write: (text: string) => void;
}

/**
 * Runs a query over a tenant's warehouse and prints what it gives.
 * @throws HeadgateError `QUERY_REFUSED`, `QUERY_FAILED`, `TENANT_ID_INVALID`
 */
export async function runQuery({ root, tenant, sql, json, write }: QueryCommandInput): Promise<void> {
  // Loading DuckDB takes a tenth of a second, which the other commands need not pay.
  const { queryTenant } = await import('../stores/warehouse/query.js');
  const maxRows = json ? Number.MAX_SAFE_INTEGER - 1 : MAX_TABLE_ROWS;
  const result = await queryTenant({ root, tenant, sql, maxRows });
  write(json ? asJson(result) : asTable(result));
}

/** `headgate query TENANT "SQL" [--json]`. */
export function queryCommand(): Command {
  return new Command('query')
    .description("run a read-only SQL query over a tenant's warehouse")
    .argument('<tenant>', 'whose warehouse to read')
    .argument('<sql>', 'one SELECT (DuckDB SQL), or EXPLAIN of one')
    .option('--json', 'print a JSON array of objects, all rows', false)
    .addHelpText('after', HELP)
    .action(async (tenant: string, sql: string, options: { json: boolean }) => {
      const root = join(loadConfig().dataDir, 'warehouse');
      await runQuery({ root, tenant, sql, json: options.json, write: (text) => process.stdout.write(text) });
    });
}

const HELP = `
Tables: events, user_properties, user_properties_latest, decisions (DESCRIBE shows the columns).

Examples:
  $ headgate query UA "SELECT type, count(*) FROM events GROUP BY type"
  $ headgate query UA "SELECT subject, data->>'model' AS model FROM user_properties_latest LIMIT 5"
  $ headgate query UA "SELECT rule, outcome, count(*) FROM decisions GROUP BY ALL" --json
  $ headgate query UA "DESCRIBE events"`;

function asJson({ columns, rows }: QueryResult): string {
  const objects = rows.map((row) => Object.fromEntries(columns.map(({ name }, index) => [name, row[index]])));
  return `[${objects.map((object) => `\n  ${JSON.stringify(object)}`).join(',')}\n]\n`;
}

function asTable({ columns, rows, truncated }: QueryResult): string {
  // A plan is a drawing in one cell, many lines high.
  if (columns[0]?.name === 'explain_key') return rows.map((row) => `${printable(String(row[1]))}\n`).join('');
  const table = new Table({ head: columns.map(({ name }) => cell(name)), style: { head: [], border: [] } });
  for (const row of rows) table.push(row.map((value) => cell(textOf(value))));
  const count = `${rows.length.toLocaleString('en')} ${rows.length === 1 ? 'row' : 'rows'}`;
  const more = truncated ? ' shown, there are more: add LIMIT, or --json for all' : '';
  return `${table.toString()}\n${count}${more}\n`;
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
