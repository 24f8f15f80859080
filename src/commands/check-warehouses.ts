import type { Config } from '../config.js';
import { messageOf } from '../errors.js';
import { dataPaths, openLoadClaims } from '../roles/stores.js';
import { createWarehouseCheck } from '../roles/warehouses.js';
import { listTenantFiles, readTenantFile } from '../tenants/config/tenant-file.js';
import type { BigQueryConfig } from '../tenants/config/warehouse-config.js';
import { checkLoadJobs } from './check-load-jobs.js';
import { fail, ok, warn, type Finding } from './finding.js';

const CHECK = 'bigquery';
const TIMEOUT_MS = 20_000;
const AT_ONCE = 10;
const MAX_NAMED = 5;

/**
 * Looks at the BigQuery of every tenant that has one: credentials, where the data lies, and how many load jobs are used. No
 * finding where none has.
 */
export async function checkBigQueryTenants(config: Config): Promise<Finding[]> {
  const tenants = await bigQueryTenants(dataPaths(config.dataDir).tenants);
  if (tenants.size === 0) return [];
  const budgeted = [...tenants].map(([tenant, { project }]) => ({ tenant, project }));
  const [usable, loadJobs] = await Promise.all([
    checkUsable(config, tenants),
    openLoadClaims(config).then((claims) => checkLoadJobs(budgeted, claims)),
  ]);
  return [...usable, ...loadJobs];
}

async function checkUsable(config: Config, tenants: ReadonlyMap<string, BigQueryConfig>): Promise<Finding[]> {
  const check = createWarehouseCheck(config);
  const problems: string[] = [];
  let refused = false;
  const entries = [...tenants];
  for (let at = 0; at < entries.length; at += AT_ONCE) {
    const some = entries.slice(at, at + AT_ONCE).map(async ([tenant, warehouse]) => {
      try {
        await check(warehouse, AbortSignal.timeout(TIMEOUT_MS));
      } catch (error) {
        refused ||= (error as { code?: unknown }).code === 'WAREHOUSE_REFUSED';
        problems.push(`${tenant}: ${messageOf(error)}`);
      }
    });
    await Promise.all(some);
  }
  const count = tenants.size === 1 ? '1 tenant' : `${tenants.size} tenants`;
  if (problems.length === 0) return [ok(CHECK, `can be used by ${count}`)];
  const found = `${problems.length} of ${count} cannot use it. ${problems.slice(0, MAX_NAMED).join('; ')}`;
  const fix = 'their batches are kept, and loaded when it is fixed';
  return [refused ? fail(CHECK, found, fix) : warn(CHECK, found, fix)];
}

async function bigQueryTenants(dir: string): Promise<Map<string, BigQueryConfig>> {
  const found = new Map<string, BigQueryConfig>();
  for (const name of await listTenantFiles(dir).catch(() => [])) {
    // A file that is invalid is found by `tenant list`.
    const file = await readTenantFile(dir, name).catch(() => undefined);
    if (file?.config.warehouse.kind === 'bigquery') found.set(file.config.tenant, file.config.warehouse);
  }
  return found;
}
