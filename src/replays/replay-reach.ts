import { LRUCache } from 'lru-cache';
import { INPUT_STREAMS, type EventRow, type BatchName } from '../events/event.js';
import { openIfThere, type BatchStore } from '../stores/batch-store/batch-store.js';
import type { LoadedTenant } from '../tenants/config/registry.js';

/** How far back replay reaches. */
export interface Reach {
  readonly retentionMs: number;
  /** RFC 3339: receipt of the oldest event that is kept; absent while none is. */
  readonly keptSince?: string;
  /** The last day (`YYYY-MM-DD`) up to which batches have been deleted; absent while none have. */
  readonly deletedThrough?: string;
}

/** Batches whose first line is remembered; a tenant has a few that may be the oldest. */
const MAX_FIRST_LINES = 10_000;
/** How long an answer counts: to find it lists all batches of a day, and days expire hourly at most. */
const ANSWER_FOR_MS = 5_000;
const MAX_TENANTS = 1_000;
/** Nodes of one day whose first batches are read: each data directory is one, and so is what is loaded or reported apart. */
const MOST_NODES = 32;

type Store = Pick<BatchStore, 'days' | 'list' | 'open' | 'deletedThrough'>;

/** Builds what tells how far back replay reaches for a tenant. */
export function createReachOf(
  store: Store,
  now: () => number = Date.now,
): (tenant: LoadedTenant) => Promise<Reach> {
  const firstReceipts = new LRUCache<string, string>({ max: MAX_FIRST_LINES });
  const answers = new LRUCache<string, { readonly reach: Promise<Reach>; readonly until: number }>({
    max: MAX_TENANTS,
  });
  const look = async ({ config }: LoadedTenant): Promise<Reach> => {
    const deletedThrough = await store.deletedThrough(config.tenant);
    const found: string[] = [];
    for (const name of await firstOfNodes(config.tenant, store)) {
      const receivedAt = await firstReceipt(name, store, firstReceipts);
      if (receivedAt !== undefined) found.push(receivedAt);
    }
    const [keptSince] = found.sort();
    return {
      retentionMs: config.retentionMs,
      ...(keptSince !== undefined && { keptSince }),
      ...(deletedThrough !== undefined && { deletedThrough }),
    };
  };
  return (tenant) => {
    const key = `${tenant.config.tenant}/${tenant.version}`;
    const known = answers.get(key);
    if (known !== undefined && now() < known.until) return known.reach;
    const reach = look(tenant);
    answers.set(key, { reach, until: now() + ANSWER_FOR_MS });
    const forget = (): void => void (answers.get(key)?.reach === reach && answers.delete(key));
    // Where nothing is kept there was nothing to list, and the first event is to be seen at once.
    reach.then(({ keptSince }) => keptSince === undefined && forget(), forget);
    return reach;
  };
}

/** Of the first day of each stream. Ids of one node rise as its events came; those of others do not follow them. */
async function firstOfNodes(tenant: string, store: Store): Promise<BatchName[]> {
  const found: BatchName[] = [];
  for (const stream of INPUT_STREAMS) {
    const [day] = await store.days(tenant, stream);
    if (day === undefined) continue;
    const firstOf = new Map<string, BatchName>();
    for await (const name of store.list({ tenant, stream, from: day, to: day })) {
      const node = name.batchId.split('-')[1] ?? '';
      if (!firstOf.has(node) && firstOf.size < MOST_NODES) firstOf.set(node, name);
    }
    found.push(...firstOf.values());
  }
  return found;
}

/** A batch never changes, and opening one reads and inflates all of it. */
async function firstReceipt(
  name: BatchName,
  store: Store,
  firstReceipts: LRUCache<string, string>,
): Promise<string | undefined> {
  const key = JSON.stringify(name);
  const known = firstReceipts.get(key);
  if (known !== undefined) return known;
  const opened = await openIfThere(store, name);
  if (opened === undefined) return undefined;
  const first = opened.ndjson.subarray(0, opened.ndjson.indexOf('\n')).toString('utf8');
  const { received_at: receivedAt } = JSON.parse(first) as EventRow;
  firstReceipts.set(key, receivedAt);
  return receivedAt;
}
