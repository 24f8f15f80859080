import { readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCodeOf } from '../errors.js';
import { assertTenantId, isBatchId, isSubscriptionName } from '../tenants/ids.js';

/** Names of streams are such names as well. */
const isPart = isSubscriptionName;

/**
 * Deletes what is kept of batches of expired days, `<root>/<tenant>/<subscription or stream>/<day>/<batchId>/`, but for
 * batches that are referenced: delivery logs, quarantine.
 * @returns of how many batches something was deleted
 */
export async function deleteKeptByBatch(
  root: string,
  tenant: string,
  isExpired: (day: string) => boolean,
  referenced: ReadonlySet<string>,
): Promise<number> {
  let deleted = 0;
  const ofTenant = join(root, assertTenantId(tenant));
  for (const part of (await directoriesIn(ofTenant)).filter(isPart)) {
    for (const day of (await directoriesIn(join(ofTenant, part))).filter(isExpired)) {
      const ofDay = join(ofTenant, part, day);
      for (const batchId of (await directoriesIn(ofDay)).filter(isBatchId)) {
        if (referenced.has(batchId)) continue;
        await rm(join(ofDay, batchId), { recursive: true, force: true });
        deleted++;
      }
      // Not empty where some are still referenced.
      await rmdir(ofDay).catch(() => undefined);
    }
  }
  return deleted;
}

/** True when there is something of expired days: nothing to ask Temporal about if there is not. */
export async function hasExpired(
  root: string,
  tenant: string,
  isExpired: (day: string) => boolean,
): Promise<boolean> {
  const ofTenant = join(root, assertTenantId(tenant));
  for (const part of (await directoriesIn(ofTenant)).filter(isPart))
    if ((await directoriesIn(join(ofTenant, part))).some(isExpired)) return true;
  return false;
}

async function directoriesIn(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw error;
  }
}
