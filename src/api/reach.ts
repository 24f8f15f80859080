import { LRUCache } from 'lru-cache';
import type { EventRow } from '../event.js';
import type { BatchStore } from '../stores/batch-store/batch-store.js';

/** How far back replay reaches. */
export interface Reach {
  readonly retentionMs: number;
  /** RFC 3339: receipt of the oldest event that is kept; absent while none is. */
  readonly keptSince?: string;
  /** The last day (`YYYY-MM-DD`) up to which batches have been deleted; absent while none have. */
  readonly deletedThrough?: string;
}

/** Batches whose first receipt is remembered; a tenant has one that is the oldest. */
const MOST_REMEMBERED = 10_000;

/** Tells how far back replay reaches, from the batches that are kept. */
export class ReachOfReplay {
  private readonly firstReceipts = new LRUCache<string, string>({ max: MOST_REMEMBERED });

  constructor(private readonly store: Pick<BatchStore, 'list' | 'open' | 'deletedThrough'>) {}

  /** How far back it reaches for a tenant now. */
  async of(tenant: string, retentionMs: number): Promise<Reach> {
    const deletedThrough = await this.store.deletedThrough(tenant);
    const keptSince = await this.oldestReceipt(tenant);
    return {
      retentionMs,
      ...(keptSince !== undefined && { keptSince }),
      ...(deletedThrough !== undefined && { deletedThrough }),
    };
  }

  private async oldestReceipt(tenant: string): Promise<string | undefined> {
    for await (const name of this.store.list({ tenant, stream: 'events' })) {
      // A batch never changes, and opening one reads and inflates all of it.
      const key = JSON.stringify(name);
      const known = this.firstReceipts.get(key);
      if (known !== undefined) return known;
      const { ndjson } = await this.store.open(name);
      const first = ndjson.subarray(0, ndjson.indexOf('\n')).toString('utf8');
      const { received_at: receivedAt } = JSON.parse(first) as EventRow;
      this.firstReceipts.set(key, receivedAt);
      return receivedAt;
    }
    return undefined;
  }
}
