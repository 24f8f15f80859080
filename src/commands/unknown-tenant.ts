import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { dataPaths } from '../roles/stores.js';
import { nearest } from '../platform/nearest.js';
import { printError } from './terminal-text.js';

/**
 * Warns on stderr of a tenant that is not configured in the data directory, with the one that may be meant. It may be one of
 * another directory, so the command goes on.
 * @param therefore what it means for the command
 */
export async function warnOfUnknownTenant(dataDir: string, tenant: string, therefore: string): Promise<void> {
  const { tenants } = dataPaths(dataDir);
  if (existsSync(join(tenants, `${tenant}.yaml`))) return;
  // What reads tenants' files takes long to load; it is asked only where there is something to say.
  const { listTenantFiles, tenantOfFile } = await import('../tenants/config/tenant-file.js');
  const known = (await listTenantFiles(tenants).catch(() => [])).map(tenantOfFile);
  const meant = nearest(tenant, known);
  const hint = meant === undefined ? '' : ` Did you mean ${meant}?`;
  printError(`headgate: tenant ${tenant} is not configured in ${dataDir}: ${therefore}.${hint}`);
}

/** The same for commands that read a tenant's files, and are right where those of an earlier tenant are left. */
export async function warnOfNothingToRead(dataDir: string, tenant: string): Promise<void> {
  if (existsSync(join(dataPaths(dataDir).warehouse, tenant))) return;
  await warnOfUnknownTenant(dataDir, tenant, 'there is nothing of it here');
}
