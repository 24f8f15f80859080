import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { dataPaths } from '../roles/stores.js';
import { nearest } from '../tenant-config/nearest.js';
import { printError } from './terminal-text.js';

const ENDING = '.yaml';

/**
 * Warns on stderr of a tenant that is not configured in the data directory, with the one that may be meant. It may be one of
 * another directory, so the command goes on.
 * @param therefore what it means for the command
 */
export async function warnOfUnknownTenant(dataDir: string, tenant: string, therefore: string): Promise<void> {
  const files = await readdir(dataPaths(dataDir).tenants).catch(() => []);
  const known = files.filter((file) => file.endsWith(ENDING)).map((file) => file.slice(0, -ENDING.length));
  if (known.includes(tenant)) return;
  const meant = nearest(tenant, known);
  const hint = meant === undefined ? '' : ` Did you mean ${meant}?`;
  printError(`headgate: tenant ${tenant} is not configured in ${dataDir}: ${therefore}.${hint}`);
}

/** The same for commands that read a tenant's files, and are right where those of an earlier tenant are left. */
export async function warnOfNothingToRead(dataDir: string, tenant: string): Promise<void> {
  if (existsSync(join(dataPaths(dataDir).warehouse, tenant))) return;
  await warnOfUnknownTenant(dataDir, tenant, 'there is nothing of it here');
}
