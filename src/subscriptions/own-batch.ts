import { createHash } from 'node:crypto';
import type { Client } from '@temporalio/client';
import type { EventRow } from '../events/event.js';
import { join, pack } from '../ingest/pack.js';
import { ChunkRouting } from '../routing/chunk-routing.js';
import { joinRouted } from '../routing/join-routed.js';
import type { BatchStore } from '../stores/batch-store/batch-store.js';
import { startBatch } from '../temporal/start-batch.js';
import type { LoadedTenant } from '../tenants/config/registry.js';
import { assertBatchId } from '../tenants/ids.js';
import { tenantQueue } from '../tenants/queues.js';
import type { IngestBatchInput, RoutedEvents } from '../workflows/messages/batches.js';

/** What {@link startOwnBatch} needs. */
export interface OwnBatchOptions {
  readonly client: Client;
  readonly batchStore: Pick<BatchStore, 'write'>;
  /** The tenant as it is configured now. */
  readonly tenantOf: (tenant: string) => LoadedTenant | undefined;
  /** Which subscriptions take nothing new. */
  readonly isDraining: (tenant: string, subscription: string) => boolean;
}

/** Events of a tenant that Headgate has made itself. */
export interface OwnBatch {
  readonly tenant: string;
  readonly batchId: string;
  /** At least one. */
  readonly events: readonly EventRow[];
  /** The one subscription that they go to. Default: those that the tenant's routes name. */
  readonly to?: string;
}

/** What stands for the node in ids of batches that no spool has made. */
const NODE = '00000000';

/**
 * Starts a batch of events that Headgate has made: routed like any other, so that they are in the warehouse, in the history,
 * and with whichever subscriptions the tenant's routes name. The same batch started again makes no second one.
 */
export async function startOwnBatch(
  options: OwnBatchOptions,
  { tenant, batchId, events, to }: OwnBatch,
): Promise<void> {
  const { client, batchStore, tenantOf } = options;
  const loaded = tenantOf(tenant);
  // It was removed in the meantime: nobody is left to be told.
  if (loaded === undefined) return;
  const file = await join(events.map((event) => pack(`${JSON.stringify(event)}\n`)));
  const batch = await batchStore.write({ tenant, stream: 'events', batchId }, file, events.length);
  const routed =
    to === undefined
      ? routedOf(options, tenant, loaded, events)
      : [{ subscription: to, of: 'events' as const, priority: 'normal' as const, count: events.length }];
  const input: IngestBatchInput = {
    batch,
    activityQueue: tenantQueue(tenant),
    decided: { evaluated: 0, eligible: {} },
    contents: {
      types: [...new Set(events.map(({ type }) => type))].sort(),
      firstEvent: events[0]?.id ?? '',
      lastEvent: events.at(-1)?.id ?? '',
    },
    ...(routed.length > 0 && { routed }),
  };
  const { isolation } = loaded.config;
  await startBatch({ client, isolationOf: () => isolation }, input);
}

/** Where the tenant's routes send events. */
function routedOf(
  { isDraining }: Pick<OwnBatchOptions, 'isDraining'>,
  tenant: string,
  { router }: LoadedTenant,
  events: readonly EventRow[],
): RoutedEvents[] {
  const routing = router && new ChunkRouting(router, 'events', (name) => isDraining(tenant, name));
  events.forEach((event, line) => routing?.take(event, line));
  return joinRouted([{ events: events.length, evaluated: 0, routed: routing?.routed() }]);
}

/**
 * The id of a batch of Headgate's own. The sequence is the time in milliseconds, so that ids are in order as those of a
 * spool are, and a digit that tells batches of one moment apart.
 * @param at milliseconds since the epoch
 */
export function ownBatchId(at: number, what: string): string {
  const digit = createHash('sha256').update(what).digest().readUInt32LE() % 36;
  const sequence = (at * 36 + digit).toString(36).padStart(9, '0');
  return assertBatchId(`${new Date(at).toISOString().slice(0, 10).replaceAll('-', '')}-${NODE}-${sequence}`);
}
