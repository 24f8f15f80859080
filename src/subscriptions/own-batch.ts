import { createHash } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { HeadgateError } from '../errors.js';
import type { BatchRef, EventRow } from '../events/event.js';
import { join, pack } from '../ingest/pack.js';
import { KeyedMutex } from '../platform/keyed-mutex.js';
import { ChunkRouting } from '../routing/chunk-routing.js';
import { joinRouted } from '../routing/join-routed.js';
import type { BatchStore } from '../stores/batch-store/batch-store.js';
import { startBatch } from '../temporal/start-batch.js';
import type { LoadedTenant } from '../tenants/config/registry.js';
import { assertBatchId } from '../tenants/ids.js';
import { tenantQueue } from '../tenants/queues.js';
import type { IngestBatchInput, RoutedEvents } from '../workflows/messages/batches.js';
import { dayOf, SECOND_MS } from '../platform/time.js';
import { textLines } from '../events/ndjson.js';

/** What {@link startOwnBatch} needs. */
export interface OwnBatchOptions {
  readonly client: Client;
  readonly batchStore: Pick<BatchStore, 'write' | 'open'>;
  /** The tenant as it is configured now. */
  readonly tenantOf: (tenant: string) => LoadedTenant | undefined;
  /** Which subscriptions take nothing new. */
  readonly isDraining: (tenant: string, subscription: string) => boolean;
}

/** Events of a tenant that Headgate has made itself. */
export interface OwnBatch {
  readonly tenant: string;
  /** The id that it has unless other events have that, see {@link ownBatchId}. */
  readonly batchId: string;
  /** At least one. */
  readonly events: readonly EventRow[];
  /** The one subscription that they go to. Default: those that the tenant's routes name. */
  readonly to?: string;
}

/** What stands for the node in ids of batches that no spool has made. */
const NODE = '00000000';
/** A tenant is told more than one thing in a millisecond: of several subscriptions, or of each day that it was down. */
const IDS_OF_A_MOMENT = 36;

/** Things that come to the same id look for another one after the other: each is there for those behind it. */
const turns = new KeyedMutex();

/**
 * Starts a batch of events that Headgate has made: routed like any other, so that they are in the warehouse, in the history,
 * and with whichever subscriptions the tenant's routes name. The same batch started again makes no second one, and goes on
 * with the events of the first attempt: what they tell may have grown since.
 * @returns the id of the batch; undefined for a tenant that was removed in the meantime: nobody is left to be told
 * @throws HeadgateError `BATCH_ID_TAKEN`: as many things of one moment as there are ids for
 */
export async function startOwnBatch(options: OwnBatchOptions, own: OwnBatch): Promise<string | undefined> {
  const { client, tenantOf } = options;
  const loaded = tenantOf(own.tenant);
  if (loaded === undefined) return undefined;
  const written = await turns.run(`${own.tenant}/${own.batchId.slice(0, -1)}`, () => write(options, own));
  const { isolation } = loaded.config;
  await startBatch({ client, isolationOf: () => isolation }, inputOf(options, loaded, own, written));
  return written.batch.batchId;
}

/** Temporal is given up for now after this. */
const HAND_OVER_MS = 10 * SECOND_MS;

/** The same for those who try again later: ends with `signal`, or when Temporal has not answered for ten seconds. */
export function tryOwnBatch(options: OwnBatchOptions, own: OwnBatch, signal: AbortSignal): Promise<unknown> {
  const { client } = options;
  const start = (): Promise<unknown> => startOwnBatch(options, own);
  return client.withAbortSignal(signal, () => client.withDeadline(Date.now() + HAND_OVER_MS, start));
}

/** A batch that is on disk. */
interface Written {
  readonly batch: BatchRef;
  readonly events: readonly EventRow[];
}

async function write(
  { batchStore }: Pick<OwnBatchOptions, 'batchStore'>,
  { tenant, batchId: wanted, events }: OwnBatch,
): Promise<Written> {
  const file = await join(events.map((event) => pack(`${JSON.stringify(event)}\n`)));
  for (const batchId of idsFrom(wanted)) {
    const name = { tenant, stream: 'events', batchId } as const;
    try {
      return { batch: await batchStore.write(name, file, events.length, { unlessOther: true }), events };
    } catch (error) {
      if (!(error instanceof HeadgateError && error.code === 'BATCH_ID_TAKEN')) throw error;
    }
    const { ref, ndjson } = await batchStore.open(name);
    const earlier = textLines(ndjson).map((line) => JSON.parse(line) as EventRow);
    if (earlier[0]?.id === events[0]?.id) return { batch: ref, events: earlier };
  }
  throw new HeadgateError('BATCH_ID_TAKEN', `Other events have all ids of the moment of ${wanted}.`);
}

/** The id, and the others of its moment. */
function* idsFrom(batchId: string): Generator<string> {
  const first = parseInt(batchId.slice(-1), 36);
  for (let step = 0; step < IDS_OF_A_MOMENT; step++)
    yield batchId.slice(0, -1) + ((first + step) % IDS_OF_A_MOMENT).toString(36);
}

function inputOf(
  options: OwnBatchOptions,
  loaded: LoadedTenant,
  { tenant, to }: OwnBatch,
  { batch, events }: Written,
): IngestBatchInput {
  const routed =
    to === undefined
      ? routedOf(options, tenant, loaded, events)
      : [{ subscription: to, of: 'events' as const, priority: 'normal' as const, count: events.length }];
  return {
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
 * The first id to try for a batch of Headgate's own. The sequence is the time in milliseconds, so that ids are in order as
 * those of a spool are, and a digit that tells batches of one moment apart as long as it can: {@link startOwnBatch} takes
 * another one where two things come to the same.
 * @param at milliseconds since the epoch
 */
export function ownBatchId(at: number, what: string): string {
  const digit = createHash('sha256').update(what).digest().readUInt32LE() % IDS_OF_A_MOMENT;
  const sequence = (at * IDS_OF_A_MOMENT + digit).toString(36).padStart(9, '0');
  return assertBatchId(`${dayOf(at).replaceAll('-', '')}-${NODE}-${sequence}`);
}
