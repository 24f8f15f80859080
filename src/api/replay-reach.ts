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

/** Nodes of one day whose first batches are read: each data directory is one, and so is what is loaded or told of apart. */
const MOST_NODES = 32;

/** How far back a tenant's replays reach. */
export async function reachOf({ config }: LoadedTenant, store: KeptStore): Promise<Reach> {
  const deletedThrough = await store.deletedThrough(config.tenant);
  const keptSince = await oldestReceipt(config.tenant, store);
  return {
    retentionMs: config.retentionMs,
    ...(keptSince !== undefined && { keptSince }),
    ...(deletedThrough !== undefined && { deletedThrough }),
  };
}

async function oldestReceipt(tenant: string, store: KeptStore): Promise<string | undefined> {
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
      const opened = await openIfThere(store, name);
      if (opened === undefined) continue;
      const line = opened.ndjson.subarray(0, opened.ndjson.indexOf('\n')).toString('utf8');
      found.push((JSON.parse(line) as EventRow).received_at);
    }
  }
  return found.sort()[0];
}
