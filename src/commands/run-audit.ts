import Table from 'cli-table3';
import type { TenantAudit } from '../audit/tenant-audit.js';
import { readLines } from '../events/event-lines.js';
import { textLinesOf } from '../events/ndjson.js';
import { loadConfig } from '../config.js';
import type { InputStream } from '../events/event.js';
import { dataPaths, openBatchStore } from '../roles/stores.js';
import { openTenantRegistry, type LoadedTenant } from '../tenants/config/registry.js';
import { assertTenantId } from '../tenants/ids.js';
import { assertParquet, whereBigQueryIs } from './parquet-tenant.js';
import { printedLines } from './printed-lines.js';
import { print, printError } from './terminal-text.js';

/** Options of `headgate audit`. */
export interface AuditCommandOptions {
  readonly tenant?: string;
  readonly ids?: string;
  readonly stream: InputStream;
  readonly from?: string;
  readonly to?: string;
  readonly show: number;
  readonly json: boolean;
}

const PROGRESS_EVERY_MS = 2_000;

/** Compares what was acknowledged with what the warehouse holds, and sets the exit code. */
export async function runAudit(options: AuditCommandOptions): Promise<void> {
  // Loading DuckDB takes a tenth of a second, which the other commands need not pay.
  const { audit, isClean } = await import('../audit/audit.js');
  const config = loadConfig();
  const paths = dataPaths(config.dataDir);
  const batchStore = await openBatchStore(config);
  const { from, to, tenant, ids, stream, show } = options;
  if (tenant !== undefined) await assertParquet(config.dataDir, tenant);
  const results = await audit({
    paths,
    batchStore,
    tenants: (await configuredTenants(paths.tenants)).filter(
      (each) => tenant !== undefined || isInParquet(each),
    ),
    tenant: tenant === undefined ? undefined : assertTenantId(tenant),
    ids: ids === undefined ? undefined : linesOf(ids),
    stream,
    show,
    days: { from, to },
    onProgress: progress(),
    onSkipped: (message) => void printError(`Skipped: ${message}`),
  });
  const clean = results.every(isClean);
  const { json } = options;
  print(json ? `${JSON.stringify({ clean, tenants: results }, undefined, 2)}\n` : report(results));
  if (!clean) process.exitCode = 1;
}

/** Files are what an audit can read: of other tenants it says where they are. */
function isInParquet({ config: { tenant, warehouse } }: LoadedTenant): boolean {
  if (warehouse.kind === 'parquet') return true;
  printError(`Not audited. ${whereBigQueryIs(tenant, warehouse)}`);
  return false;
}

async function configuredTenants(dir: string) {
  const registry = await openTenantRegistry({ dir, logger: printedLines });
  await registry.close();
  return registry.list();
}

async function* linesOf(file: string): AsyncIterable<string> {
  if (file === '-') {
    for await (const line of textLinesOf(process.stdin)) if (line.trim() !== '') yield line;
  } else {
    for await (const { text } of readLines(file)) yield text;
  }
}

/** A line every two seconds: a short audit says nothing. */
function progress(): (message: string) => void {
  let saidAt = Date.now();
  return (message) => {
    if (Date.now() - saidAt < PROGRESS_EVERY_MS) return;
    saidAt = Date.now();
    printError(message);
  };
}

function report(results: readonly TenantAudit[]): string {
  if (results.length === 0) return 'There is no tenant to look at.\n';
  const head = ['tenant', 'acknowledged', 'in batch files', 'in warehouse', 'left out', 'missing', 'doubled'];
  const table = new Table({
    head: [...head, 'decisions', 'missing', 'doubled'],
    style: { head: [], border: [] },
    colAligns: ['left', ...Array<'right'>(9).fill('right')],
  });
  for (const each of results) {
    const { acknowledged, inBatchFiles, inWarehouse, decisionsExpected } = each;
    const { leftOut, missing, doubled, decisionsMissing, decisionsDoubled } = each;
    const events = [acknowledged, inBatchFiles, inWarehouse, leftOut.count, missing.count, doubled.count];
    const decisions = [decisionsExpected, decisionsMissing.count, decisionsDoubled.count];
    table.push([each.tenant, ...[...events, ...decisions].map((value) => value.toLocaleString('en-US'))]);
  }
  const details = results.flatMap(named);
  return `${table.toString()}\n${details.map((line) => `${line}\n`).join('')}`;
}

/** A line for each thing that is named. Ids are other people's text, so they are shown as JSON. */
function named({ tenant, ...found }: TenantAudit): string[] {
  const { missing, leftOut, unsent, damaged, damagedFiles, doubled, decisionsMissing, decisionsDoubled } =
    found;
  return [
    ...missing.first.map(
      ({ stream, batchId, ...event }) =>
        `${tenant}: missing from ${stream}: ${shown(event)}, ${batchId === undefined ? 'in no kept batch file' : `of batch ${batchId}`}`,
    ),
    ...leftOut.first.map(
      ({ stream, ...event }) =>
        `${tenant}: left out of ${stream}, as it cannot be loaded: ${shown(event)}; see the dead letters of warehouse`,
    ),
    ...unsent.first.map(
      ({ stream, events, oldestReceipt }) =>
        `${tenant}: ${events} of ${stream} are in the spool and in no batch yet, the oldest received at ${oldestReceipt}`,
    ),
    ...damaged.first.map(
      ({ stream, batchId, events }) =>
        `${tenant}: ${events} of ${stream} damaged on disk before they were in batch ${batchId}: see its dead letter`,
    ),
    ...damagedFiles.first.map(
      ({ stream, batchId }) =>
        `${tenant}: the file of batch ${batchId} of ${stream} is damaged; what of it the warehouse lacks is among the dead letters of warehouse`,
    ),
    ...doubled.first.map(
      ({ stream, rows, batchIds, ...event }) =>
        `${tenant}: ${rows} rows in ${stream}: ${shown(event)}, of ${batchIds.length === 1 ? 'batch' : 'batches'} ${batchIds.join(', ')}`,
    ),
    ...decisionsMissing.first.map(
      ({ eventId, rule, batchId }) =>
        `${tenant}: no decision of ${rule} on ${JSON.stringify(eventId)} of batch ${batchId}`,
    ),
    ...decisionsDoubled.first.map(
      ({ eventId, rule, rows }) => `${tenant}: ${rows} decisions of ${rule} on ${JSON.stringify(eventId)}`,
    ),
  ];
}

function shown({ source, id }: { readonly source: string | null; readonly id: string }): string {
  return `${JSON.stringify(id)}${source === null ? '' : ` from ${JSON.stringify(source)}`}`;
}
