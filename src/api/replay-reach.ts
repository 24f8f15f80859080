import { LRUCache } from 'lru-cache';
import { INPUT_STREAMS, type EventRow } from '../event.js';
import { openIfThere, type BatchName, type BatchStore } from '../stores/batch-store/batch-store.js';
import type { LoadedTenant } from '../tenant-config/registry.js';

type KeptStore = Pick<BatchStore, 'days' | 'deletedThrough' | 'list' | 'open'>;

/** How far back replay reaches. */
export interface Reach {
  readonly retentionMs: number;
  /** RFC 3339: receipt of the oldest event that is kept; absent while none is. */
  readonly keptSince?: string;
  /** The last day (`YYYY-MM-DD`) up to which batches have been deleted; absent while none have. */
  readonly deletedThrough?: string;
}

/** Batches whose first receipt is remembered; a tenant has a few that are the oldest. */
const MAX_FIRST_RECEIPTS = 10_000;
/** Nodes of one day whose first batches are read: each data directory is one, and so is what is loaded or told of apart. */
const MOST_NODES = 32;

/** Builds what tells how far back a tenant's replays reach. */
export function createReachOf(store: KeptStore): (tenant: LoadedTenant) => Promise<Reach> {
  const known = new LRUCache<string, string>({ max: MAX_FIRST_RECEIPTS });
  return async ({ config }) => {
    const deletedThrough = await store.deletedThrough(config.tenant);
    const keptSince = await oldestReceipt(config.tenant, store, known);
    return {
      retentionMs: config.retentionMs,
      ...(keptSince !== undefined && { keptSince }),
      ...(deletedThrough !== undefined && { deletedThrough }),
    };
  };
}

async function oldestReceipt(
  tenant: string,
  store: KeptStore,
  known: LRUCache<string, string>,
): Promise<string | undefined> {
  const found: string[] = [];
  for (const stream of INPUT_STREAMS) {
    const [day] = await store.days(tenant, stream);
    if (day === undefined) continue;
    // Ids of one node rise as its events came; those of others do not follow them.
    const firstOf = new Map<string, BatchName>();
    for await (const name of store.list({ tenant, stream, from: day, to: day })) {
      const node = name.batchId.split('-')[1] ?? '';
      if (!firstOf.has(node) && firstOf.size < MOST_NODES) firstOf.set(node, name);
    }
    for (const name of firstOf.values()) {
      const receipt = await firstReceipt(name, store, known);
      if (receipt !== undefined) found.push(receipt);
    }
  }
  return found.sort()[0];
}

/** A batch never changes, and opening one reads and inflates all of it. */
async function firstReceipt(
  name: BatchName,
  store: KeptStore,
  known: LRUCache<string, string>,
): Promise<string | undefined> {
  const key = JSON.stringify(name);
  const before = known.get(key);
  if (before !== undefined) return before;
  const opened = await openIfThere(store, name);
  if (opened === undefined) return undefined;
  const line = opened.ndjson.subarray(0, opened.ndjson.indexOf('\n')).toString('utf8');
  const { received_at: receivedAt } = JSON.parse(line) as EventRow;
  known.set(key, receivedAt);
  return receivedAt;
}
