import { WorkflowFailedError, type Client } from '@temporalio/client';
import pRetry, { AbortError } from 'p-retry';
import { messageOf } from '../errors.js';
import type { BatchRef } from '../event.js';
import { faultPoint } from '../fault-point.js';
import type { Logger } from '../observability/logger.js';
import type { Metrics, RetriedStep } from '../observability/metrics.js';
import type { BatchName, BatchStore } from '../stores/batch-store/batch-store.js';
import { batchWorkflowId, type Isolation } from '../tenant.js';
import type { BatchContents, DecidedBatch, IngestBatchResult } from '../workflows/messages.js';
import type { Chunk, Plan } from './lane.js';
import { joinRouted } from '../routing/join-routed.js';
import { join } from './pack.js';
import type { Spool } from './spool.js';
import { startBatch, type WrittenBatch } from './start-batch.js';
import type { ChunkRecord, RecordHead } from './spool-record.js';

/** Event types named in a batch's summary. */
const TYPES_SHOWN = 8;

/** What {@link createStarter} needs. */
export interface StarterOptions {
  readonly client: Client;
  readonly spool: Spool;
  readonly batchStore: BatchStore;
  readonly isolationOf: (tenant: string) => Isolation;
  /** True when this process runs the Worker of the queue: the first workflow task then comes with the start's answer. */
  readonly eager: (tenant: string) => boolean;
  /** Told once Temporal has these chunks, and that is on disk. */
  readonly onHandedOver: (chunks: readonly Chunk[]) => void;
  /** Told once a batch's workflow has ended; without a result if that was by hand. */
  readonly onEnded: (plan: Plan, result: IngestBatchResult | undefined) => void;
  readonly metrics?: Pick<Metrics, 'batchStarted' | 'stepRetried'>;
  readonly log: Logger;
  /** Ends all retries; what is on its way stays planned in the spool. */
  readonly signal: AbortSignal;
}

/** Until Temporal, the disk or whatever else failed is back; the spool holds the events meanwhile. */
const RETRY = {
  retries: Number.POSITIVE_INFINITY,
  minTimeout: 200,
  maxTimeout: 5_000,
  factor: 2,
  randomize: true,
} as const;

/**
 * Carries a batch from its plan to the end of its workflow: plan, events and decisions on disk → workflow started →
 * handed over → ended. Every step can be run again after a crash: the plan gives the same batch id, files and workflow
 * id, and Temporal refuses the second start.
 */
export function createStarter(
  options: StarterOptions,
): (plan: Plan, chunks: readonly Chunk[]) => Promise<void> {
  const { spool, metrics, log, signal } = options;

  /** Runs one step until it succeeds, and says so while it does not. */
  function untilDone<T>(step: RetriedStep, plan: Plan, run: () => Promise<T>): Promise<T> {
    const onFailedAttempt = ({ error, attemptNumber }: { error: Error; attemptNumber: number }): void => {
      if (signal.aborted) return;
      metrics?.stepRetried(step);
      log.warn(
        { tenant: plan.tenant, batch: plan.batchId, step, attempt: attemptNumber, reason: error.message },
        'batch step failed; trying again',
      );
    };
    return pRetry(() => run().catch(retryable), { ...RETRY, onFailedAttempt, signal });
  }

  return async (plan, chunks) => {
    if (plan.started !== true) {
      const written = await untilDone('write', plan, () => writeBatch(options, plan, chunks));
      await untilDone('start', plan, () => startBatch(options, written));
      await untilDone('hand-over', plan, () => spool.handOver(plan, chunks));
      metrics?.batchStarted(plan.tenant, {
        stream: plan.stream,
        events: plan.events,
        bytes: bytesOf(chunks),
      });
      options.onHandedOver(chunks);
    }
    options.onEnded(plan, await untilDone('await', plan, () => endOf(options, plan)));
    await untilDone('finish', plan, () => spool.finish(plan));
  };
}

/** A TypeError, which p-retry would take for a mistake of ours and give up on, comes from networks and files as well. */
function retryable(error: unknown): never {
  if (error instanceof TypeError) throw new Error(error.message, { cause: error });
  throw error;
}

/** All may be written side by side: the workflow starts only when all are on disk. */
async function writeBatch(
  options: StarterOptions,
  plan: Plan,
  chunks: readonly Chunk[],
): Promise<WrittenBatch> {
  const { spool, batchStore } = options;
  const records = chunks.map((chunk) => spool.read(chunk));
  const events = await join(records.map((record) => record.events));
  const [batch, decided] = await Promise.all([
    write('batch-file', () => batchStore.write(plan, events, plan.events)),
    writeDecisions(batchStore, plan, records),
    spool.plan(plan),
  ]);
  const heads = records.map(({ head }) => head);
  return { batch, contents: contentsOf(heads), decided, routed: joinRouted(heads) };
}

async function writeDecisions(
  batchStore: BatchStore,
  { tenant, batchId }: Plan,
  records: readonly ChunkRecord[],
): Promise<DecidedBatch> {
  const eligible: Record<string, number> = {};
  let evaluated = 0;
  for (const { head } of records) {
    evaluated += head.evaluated;
    for (const [rule, count] of Object.entries(head.eligible)) eligible[rule] = (eligible[rule] ?? 0) + count;
  }
  if (evaluated === 0) return { evaluated, eligible };
  const name: BatchName = { tenant, stream: 'decisions', batchId };
  const gzipped = await join(records.map((record) => record.decisions));
  const decisions = await write('decisions-file', () => batchStore.write(name, gzipped, evaluated));
  return { evaluated, eligible, decisions };
}

async function write(step: 'batch-file' | 'decisions-file', run: () => Promise<BatchRef>): Promise<BatchRef> {
  faultPoint(`${step}.before`);
  const batch = await run();
  faultPoint(`${step}.after`);
  return batch;
}

/** Waits until the batch's workflow has ended, in whatever way: a lane goes on when its operator ends a batch by hand. */
async function endOf(
  { client, log, signal }: StarterOptions,
  plan: Plan,
): Promise<IngestBatchResult | undefined> {
  const handle = client.workflow.getHandle(batchWorkflowId(plan.tenant, plan.stream, plan.batchId));
  try {
    return (await client.withAbortSignal(signal, () => handle.result())) as IngestBatchResult;
  } catch (error) {
    if (signal.aborted) throw new AbortError('stopping');
    if (!(error instanceof WorkflowFailedError)) throw error;
    log.error(
      { tenant: plan.tenant, batch: plan.batchId, reason: messageOf(error.cause ?? error) },
      'batch did not go through; reset its workflow in the Temporal UI to run it again',
    );
    return undefined;
  }
}

function bytesOf(chunks: readonly Chunk[]): number {
  return chunks.reduce((sum, { bytes }) => sum + bytes, 0);
}

function contentsOf(heads: readonly RecordHead[]): BatchContents {
  const types = [...new Set(heads.flatMap((head) => head.types))].sort().slice(0, TYPES_SHOWN);
  return { types, firstEvent: heads[0]?.firstEvent ?? '', lastEvent: heads.at(-1)?.lastEvent ?? '' };
}
