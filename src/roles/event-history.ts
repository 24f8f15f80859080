import { createEventHistory, type EventHistory } from '../event-history/event-history.js';
import { Indexer } from '../event-history/indexer.js';
import type { Client } from '@temporalio/client';
import { createBusyness } from '../ingest/busyness.js';
import type { Batcher } from '../ingest/batcher.js';
import type { Spool } from '../ingest/spool.js';
import { createReceipts } from '../receipts/receipts.js';
import { EventIndex } from '../stores/event-index/event-index.js';
import { createKeyHash } from '../stores/event-index/key-hash.js';
import type { ApiRoleOptions } from './api-role-options.js';

/** Opens the index of events, which the process with the spool writes. */
export async function openIndexer(
  { config, registry, stores, log }: ApiRoleOptions,
  spool: Pick<Spool, 'seeds'>,
): Promise<Indexer> {
  const index = new EventIndex({
    root: stores.paths.eventIndex,
    hash: await createKeyHash(spool.seeds),
    seal: stores.seal,
    onDamaged: (day, reason) => {
      log.warn('EVENT_INDEX_DAMAGED', { tenant: day.tenant, reason });
      indexer.damaged(day);
    },
  });
  const indexer: Indexer = new Indexer({
    index,
    batchStore: stores.batchStore,
    shared: config.batches !== undefined,
    tenants: () => registry.list().map((loaded) => loaded.config.tenant),
    busyness: createBusyness(),
    log,
  });
  return indexer;
}

/** What became of events, over all that has something of them. */
export function eventHistoryOf(
  { temporal, stores }: ApiRoleOptions,
  {
    client,
    indexer,
    spool,
    batcher,
  }: {
    readonly client: Client;
    readonly indexer: Indexer;
    readonly spool: Pick<Spool, 'read'>;
    readonly batcher: Pick<Batcher, 'unsent'>;
  },
): EventHistory {
  const { namespace, uiUrl } = temporal;
  const { batchStore, deliveryLog } = stores;
  return createEventHistory({
    client,
    indexer,
    batchStore,
    deliveryLog,
    receipts: createReceipts({ client, namespace, uiUrl }),
    spool: {
      unsent: (tenant, stream) => batcher.unsent(tenant, stream),
      read: (chunk) => spool.read(chunk),
    },
  });
}
