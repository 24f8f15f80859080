import { LRUCache } from 'lru-cache';
import type { EventRow } from '../event.js';
import type { BatchStore } from '../stores/batch-store/batch-store.js';
import type { LoadedTenant } from '../tenant-config/registry.js';

/** How far back replay reaches. */
export interface Reach {
  readonly retentionMs: number;
  /** RFC 3339: receipt of the oldest event that is kept; absent while none is. */
  readonly keptSince?: string;
  /** The last day (`YYYY-MM-DD`) up to which batches have been deleted; absent while none have. */
  readonly deletedThrough?: string;
}

/** Batches whose first line is remembered; a tenant has one that is the oldest. */
const MAX_FIRST_LINES = 10_000;

type Store = Pick<BatchStore, 'list' | 'open' | 'deletedThrough'>;

/** Builds what tells how far back replay reaches for a tenant. */
export function createReachOf(store: Store): (tenant: LoadedTenant) => Promise<Reach> {
  const firstReceipts = new LRUCache<string, string>({ max: MAX_FIRST_LINES });
  return async ({ config }) => {
    const deletedThrough = await store.deletedThrough(config.tenant);
    const keptSince = await oldestReceipt(config.tenant, store, firstReceipts);
    return {
      retentionMs: config.retentionMs,
      ...(keptSince !== undefined && { keptSince }),
      ...(deletedThrough !== undefined && { deletedThrough }),
    };
  };
}

async function oldestReceipt(
  tenant: string,
  store: Store,
  firstReceipts: LRUCache<string, string>,
): Promise<string | undefined> {
  for await (const name of store.list({ tenant, stream: 'events' })) {
    // A batch never changes, and opening one reads and inflates all of it.
    const key = JSON.stringify(name);
    const known = firstReceipts.get(key);
    if (known !== undefined) return known;
    const { ndjson } = await store.open(name);
    const first = ndjson.subarray(0, ndjson.indexOf('\n')).toString('utf8');
    const { received_at: receivedAt } = JSON.parse(first) as EventRow;
    firstReceipts.set(key, receivedAt);
    return receivedAt;
  }
  return undefined;
}
