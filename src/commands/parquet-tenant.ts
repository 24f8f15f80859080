import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HeadgateError } from '../errors.js';
import { dataPaths } from '../roles/stores.js';
import { assertTenantId } from '../tenants/ids.js';
import type { BigQueryConfig } from '../tenants/config/warehouse-config.js';
import { printError } from './terminal-text.js';

/**
 * For commands that read the Parquet files of a tenant: says where its warehouse is when it is elsewhere. Files of a tenant
 * that has been given another warehouse can still be read, which is said on stderr.
 * @throws HeadgateError `WAREHOUSE_ELSEWHERE`, `TENANT_ID_INVALID`
 */
export async function assertParquet(dataDir: string, tenant: string): Promise<void> {
  const warehouse = await bigQueryOf(dataDir, tenant);
  if (warehouse === undefined) return;
  const elsewhere = whereBigQueryIs(tenant, warehouse);
  if (!existsSync(join(dataPaths(dataDir).warehouse, tenant)))
    throw new HeadgateError('WAREHOUSE_ELSEWHERE', elsewhere);
  printError(`${elsewhere}\nThese are the files from before.`);
}

/**
 * The BigQuery that a tenant is configured with; undefined where it has none, or is not configured.
 * @throws HeadgateError `TENANT_ID_INVALID`
 */
export async function bigQueryOf(dataDir: string, tenant: string): Promise<BigQueryConfig | undefined> {
  const { tenants } = dataPaths(dataDir);
  const fileName = `${assertTenantId(tenant)}.yaml`;
  // Files of a tenant that is not configured any more are Parquet.
  const text = await readFile(join(tenants, fileName), 'utf8').catch(() => '');
  // What reads tenants' files takes longer to load than most queries take, so it is asked only where there is a chance.
  if (!text.includes('bigquery')) return undefined;
  const { readTenantFile } = await import('../tenants/config/tenant-file.js');
  // One that is invalid is reported where it is applied.
  const warehouse = (await readTenantFile(tenants, fileName).catch(() => undefined))?.config.warehouse;
  return warehouse?.kind === 'bigquery' ? warehouse : undefined;
}

/** Says where a tenant's events are, and how to look at them. */
export function whereBigQueryIs(tenant: string, { project, dataset, location }: BigQueryConfig): string {
  const sql = `SELECT type, count(*) FROM \`${project}.${dataset}.events_deduped\` GROUP BY type`;
  return `The warehouse of tenant ${tenant} is in BigQuery, ${project}.${dataset}; ask it there:\n  bq query --location=${location} --use_legacy_sql=false '${sql}'`;
}
