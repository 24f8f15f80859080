import { join } from 'node:path';
import { readConfigFile, tenantFileName } from '../tenants/config/tenant-file.js';
import type { TenantConfig } from '../tenants/config/tenant-config.js';
import { listVersions, readVersion } from '../tenants/config/versions.js';
import type { BigQueryConfig } from '../tenants/config/warehouse-config.js';

/** What a tenant has, or has had, elsewhere than under its name. */
export interface EarlierTenant {
  readonly subscriptions: readonly string[];
  /** Each dataset once. */
  readonly bigQuery: readonly BigQueryConfig[];
}

/** Reads it from the tenant's file and from every version of it that is kept; what cannot be read any more is passed over. */
export async function earlierOf(
  { tenants, tenantVersions }: { readonly tenants: string; readonly tenantVersions: string },
  tenant: string,
): Promise<EarlierTenant> {
  const configs: TenantConfig[] = [];
  const file = await readConfigFile(join(tenants, tenantFileName(tenant))).catch(() => undefined);
  if (file !== undefined) configs.push(file.config);
  for (const { version } of await listVersions(tenantVersions, tenant)) {
    const kept = await readVersion(tenantVersions, tenant, version).catch(() => undefined);
    if (kept !== undefined) configs.push(kept.config);
  }
  const bigQuery = new Map<string, BigQueryConfig>();
  for (const { warehouse } of configs)
    if (warehouse.kind === 'bigquery') bigQuery.set(`${warehouse.project}.${warehouse.dataset}`, warehouse);
  const names = configs.flatMap(({ subscriptions }) => subscriptions.map(({ name }) => name));
  return { subscriptions: [...new Set(names)], bigQuery: [...bigQuery.values()] };
}
