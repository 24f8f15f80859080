import { createHash } from 'node:crypto';
import { HeadgateError } from '../../errors.js';
import { STREAMS, type BatchRef, type Stream } from '../../events/event.js';
import type { BatchStore, LocalFiles } from '../../stores/batch-store/batch-store.js';
import type { PromotedField } from '../../events/promoted-field.js';
import {
  unreadableOf,
  type BadRow,
  type BadRows,
  type LoadBatch,
  type LoadResult,
  type Warehouse,
} from '../../stores/warehouse/warehouse.js';
import { joined, type Join, type Tracing } from '../../tracing/tracing.js';
import { assertTenantId } from '../../tenants/ids.js';
import { withFailures } from '../failure.js';
import { whileHeartbeating } from '../heartbeats.js';
import type { PauseLoads } from './load-control/pause-loads.js';

const HEARTBEAT_MS = 5000;

/** What the load activities work with. */
export interface LoadActivitiesDeps {
  readonly warehouse: Warehouse;
  readonly batchStore: BatchStore;
  /** Resolves when a load of these streams may begin; rejects when it has to wait. */
  readonly holdLoads: (tenant: string, streams: readonly Stream[]) => Promise<void>;
  /** Called with what the warehouse refuses; without it such a load fails as the warehouse says. */
  readonly pauseLoads?: PauseLoads;
  /** The promoted fields of a tenant's stream, as configured now. Default none. */
  readonly promotedOf?: (tenant: string, stream: Stream) => readonly PromotedField[];
  /** Dead-letters rows of a batch that cannot be loaded. Default: such rows fail the load. */
  readonly deadLetterRows?: (batch: BatchRef, rows: readonly BadRow[]) => Promise<unknown>;
  /** Dead-letters a batch whose file is gone or damaged. Default: such a batch fails the load. */
  readonly deadLetterBatch?: (batch: BatchRef, reason: string) => Promise<unknown>;
  /** Follows loads of batches that are followed. Default: none. */
  readonly tracing?: Pick<Tracing, 'join'>;
  /** Milliseconds between heartbeats; default 5,000. Must be well under the activity's heartbeat timeout. */
  readonly heartbeatIntervalMs?: number;
}

/** The loads of a load window, one per stream; the workflow fixes all of it, so every attempt asks for the same. */
export interface LoadBatchesInput {
  readonly tenant: string;
  /** Names the load window. */
  readonly window: string;
  /** When the window's workflow asked for the load: ISO 8601, UTC. Fixes the day's directory and `loaded_at`. */
  readonly loadedAt: string;
  readonly batches: readonly BatchRef[];
}

/** What the window has put into the warehouse, by stream. */
type LoadBatchesResult = (LoadResult & { readonly stream: Stream })[];

/** The activities of loads. */
export interface LoadActivities {
  /**
   * Loads the batches of a window into the tenant's warehouse; batches that it holds already are left out.
   * A batch whose file is gone or damaged is dead-lettered, and the others are loaded.
   * Fails with type `STATE_CONFLICT` (a batch of another tenant), which is final, or with `WAREHOUSE_FAILED`, `WAREHOUSE_UNAVAILABLE`, `WAREHOUSE_QUOTA`, `WAREHOUSE_REFUSED` (after
   * which the warehouse is paused), `DISK_FULL`, `PAUSED` or what the batch store throws, which are retried.
   */
  loadBatches(input: LoadBatchesInput): Promise<LoadBatchesResult>;
}

/** Builds the load activities. */
export function createLoadActivities(deps: LoadActivitiesDeps): LoadActivities {
  const { holdLoads, pauseLoads, heartbeatIntervalMs = HEARTBEAT_MS } = deps;

  async function loadBatches(input: LoadBatchesInput): Promise<LoadBatchesResult> {
    const { tenant } = input;
    assertTenantId(tenant);
    for (const ref of input.batches) assertBelongs(ref, input);
    return whileHeartbeating(heartbeatIntervalMs, async (signal) => {
      const streams = STREAMS.filter((stream) => input.batches.some((ref) => ref.stream === stream));
      await holdLoads(tenant, streams);
      signal?.throwIfAborted();
      return joined(
        deps.tracing,
        () => joinOf(input),
        () => loadStreams(input, streams, signal),
      );
    });
  }

  async function loadStreams(
    input: LoadBatchesInput,
    streams: readonly Stream[],
    signal: AbortSignal | undefined,
  ): Promise<LoadBatchesResult> {
    const beganAt = Date.now();
    const results: LoadBatchesResult = [];
    for (const stream of streams) {
      const result = await loadStream(deps, input, stream, signal).catch(async (error: unknown) => {
        throw isRefusal(error) && pauseLoads ? await pauseLoads(input.tenant, error, beganAt) : error;
      });
      results.push({ stream, ...result });
    }
    return results;
  }

  return { loadBatches: withFailures(loadBatches) };
}

/** The load goes on from each of its batches. */
function joinOf({ tenant, window, batches }: LoadBatchesInput): Join {
  return {
    name: 'load batches',
    attributes: {
      'headgate.tenant': tenant,
      'headgate.window': window,
      'headgate.batches': batches.length,
      'headgate.events': batches.reduce((sum, { events }) => sum + events, 0),
    },
    joins: batches,
  };
}

async function loadStream(
  { warehouse, batchStore, promotedOf, deadLetterRows, deadLetterBatch }: LoadActivitiesDeps,
  { tenant, window, loadedAt, batches }: LoadBatchesInput,
  stream: Stream,
  signal: AbortSignal | undefined,
): Promise<LoadResult> {
  const refs = batches.filter((ref) => ref.stream === stream);
  const loadId = loadIdOf(window, refs);
  const promoted = promotedOf?.(tenant, stream);
  const onBadRows = deadLetterRows && deadLetteringOf(refs, deadLetterRows);
  const load = { tenant, stream, loadId, day: loadedAt.slice(0, 10), loadedAt, promoted, onBadRows, signal };
  const files = await batchStore.localFiles(refs, signal);
  try {
    const all = refs.map((ref, index) => loadBatchOf(ref, files, index));
    try {
      return await warehouse.load({ ...load, batches: all });
    } catch (error) {
      const unreadable = unreadableOf(error);
      if (unreadable === undefined || deadLetterBatch === undefined) throw error;
      const lost = refs.filter(({ batchId }) => batchId in unreadable);
      for (const ref of lost) await deadLetterBatch(ref, unreadable[ref.batchId] as string);
      const readable = all.filter(({ batchId }) => !(batchId in unreadable));
      return withLost(await warehouse.load({ ...load, batches: readable }), lost);
    }
  } finally {
    await files.release();
  }
}

function loadBatchOf(
  { batchId, events: rows, receivedAt }: BatchRef,
  files: LocalFiles,
  index: number,
): LoadBatch {
  const path = files.paths[index] as string;
  const damage = files.damaged.get(path);
  return { batchId, rows, path, receivedAt, ...(damage && { damage: `${damage.code}: ${damage.message}` }) };
}

function withLost(result: LoadResult, lost: readonly BatchRef[]): LoadResult {
  const rows = lost.reduce((sum, { events }) => sum + events, 0);
  return { ...result, leftOut: (result.leftOut ?? 0) + rows };
}

/** True for what no further try helps with until a person has fixed it: credentials, permissions, what is not there. */
function isRefusal(error: unknown): error is HeadgateError {
  return error instanceof HeadgateError && error.code === 'WAREHOUSE_REFUSED';
}

/** One dead letter per batch: its rows are lines of that batch's file. */
function deadLetteringOf(
  refs: readonly BatchRef[],
  deadLetterRows: NonNullable<LoadActivitiesDeps['deadLetterRows']>,
): (bad: readonly BadRows[]) => Promise<void> {
  const byId = new Map(refs.map((ref) => [ref.batchId, ref]));
  return async (bad) => {
    for (const { batchId, rows } of bad) await deadLetterRows(byId.get(batchId) as BatchRef, rows);
  };
}

/**
 * A load is named by its window and its members: every attempt has the same id, and a window that loads again, with
 * other batches, has another.
 */
function loadIdOf(window: string, batches: readonly BatchRef[]): string {
  const members = batches.map(({ batchId }) => batchId).sort();
  return `${window}-${createHash('sha256').update(members.join()).digest('hex').slice(0, 16)}`;
}

/** A reference that names another tenant would put that tenant's events into this one's warehouse. */
function assertBelongs(ref: BatchRef, { tenant }: LoadBatchesInput): void {
  if (ref.tenant === tenant) return;
  throw new HeadgateError('STATE_CONFLICT', `Batch ${ref.batchId} is not of tenant ${tenant}.`);
}
