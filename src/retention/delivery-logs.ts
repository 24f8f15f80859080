import { readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCodeOf } from '../errors.js';
import { assertTenantId, isBatchId, isSubscriptionName } from '../tenant.js';

/**
 * Deletes what is logged of deliveries of expired days, `<root>/<tenant>/<subscription>/<day>/<batchId>/`, but for batches
 * that are referenced.
 * @returns how many batches' logs were deleted
 */
export async function deleteDeliveryLogs(
  root: string,
  tenant: string,
  isExpired: (day: string) => boolean,
  referenced: ReadonlySet<string>,
): Promise<number> {
  let deleted = 0;
  const ofTenant = join(root, assertTenantId(tenant));
  for (const subscription of (await directoriesIn(ofTenant)).filter(isSubscriptionName)) {
    for (const day of (await directoriesIn(join(ofTenant, subscription))).filter(isExpired)) {
      const ofDay = join(ofTenant, subscription, day);
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

/** The subscriptions whose deliveries of some expired day are logged: nothing to ask Temporal about if there are none. */
export async function hasExpiredLogs(
  root: string,
  tenant: string,
  isExpired: (day: string) => boolean,
): Promise<boolean> {
  const ofTenant = join(root, assertTenantId(tenant));
  for (const subscription of (await directoriesIn(ofTenant)).filter(isSubscriptionName))
    if ((await directoriesIn(join(ofTenant, subscription))).some(isExpired)) return true;
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
