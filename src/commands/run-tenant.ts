import { loadConfig } from '../config.js';
import { messageOf } from '../errors.js';
import { closeToOthers } from '../roles/data-directory.js';
import { assertNothingLeft } from '../removal/left-behind.js';
import { dataPaths } from '../roles/stores.js';
import { createWarehouseCheck, type WarehouseCheck } from '../roles/warehouses.js';
import {
  applyTenantFiles,
  openTenantRegistry,
  type LoadedTenant,
  type TenantToApply,
} from '../tenants/config/registry.js';
import type { TenantConfig } from '../tenants/config/tenant-config.js';
import { listVersions, readVersion, type TenantVersion } from '../tenants/config/versions.js';
import { assertTenantId } from '../tenants/ids.js';
import { consequences } from './apply-consequences.js';
import { printedLines } from './printed-lines.js';
import { print, printError } from './terminal-text.js';
import { commandAuthor, noteActs } from './note-act.js';

/** Asking Google takes half a second; without a network it would take minutes to give up. */
const CHECK_TIMEOUT_MS = 15_000;

/** Options of `headgate tenant apply`. */
export interface ApplyOptions {
  readonly keepData: boolean;
  readonly reason?: string;
}

/** Checks tenant files, all of them before the first is applied, and says what has changed, and what that brings about. */
export async function applyTenants(source: string, { keepData, reason }: ApplyOptions): Promise<void> {
  const config = loadConfig();
  const { tenants: dir, tenantVersions: versions } = dataPaths(config.dataDir);
  await closeToOthers(config.dataDir);
  const asked = createWarehouseCheck(config);
  const notes = new Map<string, readonly string[]>();
  const check = async (tenants: readonly TenantToApply[]): Promise<void> => {
    if (!keepData) assertNothingLeft(dataPaths(config.dataDir), tenants);
    for (const { loaded } of tenants) await checkLocation(loaded.config, asked);
    for (const tenant of tenants) notes.set(tenant.loaded.config.tenant, await consequences(config, tenant));
  };
  const author = commandAuthor(reason);
  const applied = await applyTenantFiles({ source, dir, versions, check, reach: config, author });
  const changed = applied.filter(({ change }) => change !== 'unchanged');
  await noteActs(
    config,
    changed.map(({ tenant, change }) => ({
      act: 'tenant apply',
      kind: 'changes',
      tenant,
      params: { change },
      ...(reason !== undefined && { reason }),
      outcome: 'ok',
    })),
  );
  for (const { tenant, change } of applied)
    print([`${tenant} ${change}`, ...(notes.get(tenant) ?? []).map((note) => `  ${note}`)].join('\n'));
  const counts = (['added', 'changed', 'unchanged'] as const).map(
    (change) => `${applied.filter((each) => each.change === change).length} ${change}`,
  );
  print(`${applied.length} ${applied.length === 1 ? 'tenant' : 'tenants'}: ${counts.join(', ')}`);
}

/**
 * Data that would lie elsewhere than its tenant's file says is refused. Anything else that is wrong with BigQuery may be so
 * here alone, where there need be no credentials for it: it is said, and the file comes into force.
 */
async function checkLocation({ tenant, warehouse }: TenantConfig, check: WarehouseCheck): Promise<void> {
  if (warehouse.kind !== 'bigquery') return;
  try {
    await check(warehouse, AbortSignal.timeout(CHECK_TIMEOUT_MS));
  } catch (error) {
    const { details } = error as { details?: { problem?: unknown } };
    if (details?.problem === 'location') throw error;
    printError(`${tenant}: where its warehouse lies is not checked. ${messageOf(error)}`);
  }
}

/** Lists the tenants that are in force. */
export async function listTenants(): Promise<void> {
  const registry = await openTenantRegistry({ dir: paths().tenants, logger: printedLines });
  await registry.close();
  const tenants = registry.list();
  if (tenants.length === 0) return print('There are no tenants yet; headgate tenant apply adds them.');
  const header = ['TENANT', 'ISOLATION', 'RULES', 'AGGREGATES'];
  printColumns([header, ...tenants.map(rowOf)]);
}

function rowOf({ config, rules }: LoadedTenant): string[] {
  const isolation = config.suspended ? `${config.isolation}, suspended` : config.isolation;
  const names = (all: Iterable<string>) => [...all].join(', ') || '-';
  return [
    config.tenant,
    isolation,
    names(rules.rules.map(({ name }) => name)),
    names(rules.aggregates.keys()),
  ];
}

/** Lists the configurations that a tenant has had. */
export async function showVersions(tenant: string): Promise<void> {
  const dir = paths().tenantVersions;
  const versions = await listVersions(dir, assertTenantId(tenant));
  if (versions.length === 0) return print(`No configuration of ${tenant} is kept here.`);
  const rows = await Promise.all(versions.map((version) => versionRow(dir, tenant, version)));
  printColumns([['VERSION', 'APPLIED OR TRIED', 'RULES'], ...rows]);
}

async function versionRow(
  dir: string,
  tenant: string,
  { version, appliedAt }: TenantVersion,
): Promise<string[]> {
  const rules = await readVersion(dir, tenant, version).then(
    ({ rules: { rules } }) => rules.map((rule) => `${rule.name}@${rule.version}`).join(', ') || '-',
    (error: unknown) => messageOf(error).split('\n')[0] ?? '',
  );
  return [version, new Date(appliedAt).toISOString(), rules];
}

function printColumns(rows: readonly string[][]): void {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  for (const row of rows) {
    print(
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    );
  }
}

function paths() {
  return dataPaths(loadConfig().dataDir);
}
