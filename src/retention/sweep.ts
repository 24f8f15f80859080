import type { Client } from '@temporalio/client';
import { STREAMS } from '../events/event.js';
import type { BatchStore } from '../stores/batch-store/batch-store.js';
import type { LoadClaims } from '../stores/load-claims/load-claims.js';
import type { TenantConfig } from '../tenants/config/tenant-config.js';
import { deleteKeptByBatch, hasExpired } from './kept-by-batch.js';
import { referencedBatches } from './references.js';
import { isDayName, DAY_MS, dayOf } from '../platform/time.js';

/** What a {@link sweepTenant} works on. */
export interface SweepOptions {
  readonly client: Client;
  readonly batchStore: BatchStore;
  /** Claims of loads into a warehouse that cannot say itself which batches are in it. */
  readonly loadClaims?: Pick<LoadClaims, 'deleteThrough'>;
  /** Root of the delivery log; it need not be there. */
  readonly deliveryLogs: string;
  /** Root of quarantine; it need not be there. */
  readonly quarantine: string;
  readonly now: number;
}

/** What a sweep has done. */
export interface Swept {
  /** Batch files deleted, of all streams. */
  readonly files: number;
  /** Batches whose delivery logs were deleted. */
  readonly deliveryLogs: number;
  /** Batches of which something was deleted from quarantine. */
  readonly quarantined: number;
  /** Expired batch files that were left, since a workflow still needs them. */
  readonly left: number;
}

const NOTHING: Swept = { files: 0, deliveryLogs: 0, quarantined: 0, left: 0 };

/**
 * Deletes a tenant's batch files, delivery logs and quarantine of the days whose retention is over: a day's files go once the last
 * event that can be in them is older than the retention. What a workflow still needs is left, and looked at the next time.
 * Two processes may sweep at once. Temporal is asked only when there is something to delete; when it does not answer,
 * nothing is.
 */
export async function sweepTenant(
  { tenant, retentionMs }: Pick<TenantConfig, 'tenant' | 'retentionMs'>,
  options: SweepOptions,
): Promise<Swept> {
  const { client, batchStore, deliveryLogs, quarantine, now } = options;
  const isExpired = (day: string): boolean => isDayName(day) && Date.parse(day) + DAY_MS + retentionMs <= now;
  const expired = new Set<string>();
  for (const stream of STREAMS)
    for (const day of await batchStore.days(tenant, stream)) if (isExpired(day)) expired.add(day);
  const kept = await Promise.all(
    [deliveryLogs, quarantine].map((root) => hasExpired(root, tenant, isExpired)),
  );
  if (expired.size === 0 && !kept.includes(true)) return NOTHING;
  const referenced = await referencedBatches(client, tenant);
  const last = [...expired].sort().at(-1);
  if (last !== undefined) await batchStore.noteDeleted(tenant, last);
  const batches = await deleteBatches(batchStore, tenant, expired, referenced);
  // A claim may hold batches of the day after its own. While an old batch is still needed it may be announced again.
  if (batches.left === 0) await options.loadClaims?.deleteThrough(tenant, (day) => isExpired(dayAfter(day)));
  return {
    ...batches,
    deliveryLogs: await deleteKeptByBatch(deliveryLogs, tenant, isExpired, referenced),
    quarantined: await deleteKeptByBatch(quarantine, tenant, isExpired, referenced),
  };
}

function dayAfter(day: string): string {
  return dayOf(Date.parse(day) + DAY_MS);
}

async function deleteBatches(
  store: BatchStore,
  tenant: string,
  days: ReadonlySet<string>,
  referenced: ReadonlySet<string>,
): Promise<Pick<Swept, 'files' | 'left'>> {
  let [files, left] = [0, 0];
  for (const day of days) {
    for (const stream of STREAMS) {
      for await (const name of store.list({ tenant, stream, from: day, to: day })) {
        if (referenced.has(name.batchId)) left++;
        else {
          await store.delete(name);
          files++;
        }
      }
    }
  }
  return { files, left };
}
