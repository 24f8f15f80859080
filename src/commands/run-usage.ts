import Table from 'cli-table3';
import type { Grouping, ShownUsage, UsageReport, UsageRow } from '../usage/report.js';
import { openCommandApi, type ApiCommandOptions } from './call-api.js';
import { print } from './terminal-text.js';

/** Options of `headgate usage`. */
export interface UsageOptions extends ApiCommandOptions {
  readonly from?: string;
  readonly to?: string;
  readonly by: Grouping;
  readonly json: boolean;
  readonly csv: boolean;
}

/** Columns of the figures, in order. */
const COLUMNS: readonly (keyof ShownUsage)[] = [
  'events',
  'bytesIn',
  'storedBytes',
  'decisions',
  'loadedRows',
  'deliveredEvents',
  'deliveryAttempts',
  'activitySeconds',
  'cpuSeconds',
  'workflows',
  'actions',
];

/** Prints what a tenant has used. @throws HeadgateError `REQUEST_FAILED` */
export async function showUsage(options: UsageOptions): Promise<void> {
  const { from, to, by, json, csv } = options;
  const query = new URLSearchParams({ by, ...(from && { from }), ...(to && { to }) });
  const api = openCommandApi(options, 'usage:read');
  const report = await api.call<UsageReport>('GET', `/v1/usage?${query.toString()}`);
  if (json) print(JSON.stringify(report, undefined, 2));
  else print(csv ? csvOf(report) : tableOf(report));
}

function columnsOf({ currency }: UsageReport): (keyof ShownUsage)[] {
  return currency === undefined ? [...COLUMNS] : [...COLUMNS, 'cost'];
}

/** The rows with a header. Nothing in it needs quotes: names, numbers and decimals. */
export function csvOf(report: UsageReport): string {
  const { by, currency, rows } = report;
  const columns = columnsOf(report);
  const head = [by, ...columns, ...(currency === undefined ? [] : ['currency'])];
  const lines = rows.map((row: UsageRow) => [
    row[by] ?? '',
    ...columns.map((column) => row[column] ?? ''),
    ...(currency === undefined ? [] : [currency]),
  ]);
  return [head, ...lines].map((cells) => cells.join(',')).join('\n');
}

function tableOf(report: UsageReport): string {
  const { tenant, from, to, by, currency, rows, total } = report;
  const columns = columnsOf(report);
  const named = columns.map((column) => (column === 'cost' ? `cost (${currency})` : column));
  const table = new Table({
    head: [by, ...named],
    style: { head: [], border: [] },
    colAligns: ['left', ...columns.map(() => 'right' as const)],
  });
  for (const row of rows) table.push([row[by] ?? '-', ...columns.map((column) => shownOf(row, column))]);
  table.push(['total', ...columns.map((column) => shownOf(total, column))]);
  return `${tenant ?? 'all tenants'}, ${from} to ${to}\n${table.toString()}`;
}

function shownOf(usage: ShownUsage, column: keyof ShownUsage): string {
  const value = usage[column] ?? '';
  return column.endsWith('Seconds') ? Number(value).toFixed(1) : String(value);
}
