import { WorkflowExecutionAlreadyStartedError, WorkflowFailedError, type Client } from '@temporalio/client';
import pRetry, { AbortError } from 'p-retry';
import { messageOf } from '../errors.js';
import type { BatchRef } from '../event.js';
import { faultPoint } from '../fault-point.js';
import type { Logger } from '../observability/logger.js';
import type { BatchStore } from '../stores/batch-store/batch-store.js';
import { batchWorkflowId, tenantQueue, workflowQueue, type Isolation } from '../tenant.js';
import { searchAttributesOf } from '../search-attributes.js';
import {
  INGEST_BATCH,
  batchSummary,
  type BatchContents,
  type IngestBatchInput,
  type IngestBatchResult,
} from '../workflows/messages.js';
import type { Chunk, Plan } from './lane.js';
import type { Spool } from './spool.js';

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
  /** Told once Temporal has a batch, with the sequence numbers of its chunks. */
  readonly onStarted: (chunks: readonly Chunk[]) => void;
  /** Told once a batch has been decided on; without a result if its workflow was ended by hand. */
  readonly onDecided: (plan: Plan, result: IngestBatchResult | undefined) => void;
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
 * Carries a batch from its plan to its decision: plan and batch file on disk → workflow started → events released from
 * the spool → decided. Every step can be run again after a crash: the plan gives the same batch id, file and workflow
 * id, and Temporal refuses the second start.
 */
export function createStarter(
  options: StarterOptions,
): (plan: Plan, chunks: readonly Chunk[]) => Promise<void> {
  const { spool, log, signal } = options;

  /** Runs one step until it succeeds, and says so while it does not. */
  function untilDone<T>(step: string, plan: Plan, run: () => Promise<T>): Promise<T> {
    const onFailedAttempt = ({ error, attemptNumber }: { error: Error; attemptNumber: number }): void => {
      if (!signal.aborted)
        log.warn(
          { tenant: plan.tenant, batch: plan.batchId, step, attempt: attemptNumber, reason: error.message },
          'batch step failed; trying again',
        );
    };
    return pRetry(() => run().catch(retryable), { ...RETRY, onFailedAttempt, signal });
  }

  return async (plan, chunks) => {
    if (plan.started !== true) {
      const batch = await untilDone('write', plan, () => writeBatch(options, plan, chunks));
      await untilDone('start', plan, () => startWorkflow(options, batch, contentsOf(chunks)));
      await untilDone('release', plan, () => spool.release(plan, chunks));
      options.onStarted(chunks);
    }
    options.onDecided(plan, await untilDone('decide', plan, () => decision(options, plan)));
    await untilDone('finish', plan, () => spool.finish(plan));
  };
}

/** A TypeError, which p-retry would take for a mistake of ours and give up on, comes from networks and files as well. */
function retryable(error: unknown): never {
  if (error instanceof TypeError) throw new Error(error.message, { cause: error });
  throw error;
}

/** Plan and file may be written side by side: the workflow starts only when both are on disk. */
async function writeBatch(
  { spool, batchStore }: StarterOptions,
  plan: Plan,
  chunks: readonly Chunk[],
): Promise<BatchRef> {
  faultPoint('batch-file.before');
  const [batch] = await Promise.all([
    batchStore.write(plan, spool.read(chunks), plan.events),
    spool.plan(plan),
  ]);
  faultPoint('batch-file.after');
  return batch;
}

async function startWorkflow(
  options: StarterOptions,
  batch: BatchRef,
  contents: BatchContents,
): Promise<void> {
  const { tenant, stream, batchId } = batch;
  const input: IngestBatchInput = { batch, contents, activityQueue: tenantQueue(tenant) };
  faultPoint('workflow-start.before');
  try {
    await options.client.workflow.start(INGEST_BATCH, {
      workflowId: batchWorkflowId(tenant, stream, batchId),
      taskQueue: workflowQueue(tenant, options.isolationOf(tenant)),
      args: [input],
      // A failed batch may be submitted again, one that was decided on may not.
      workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
      workflowIdConflictPolicy: 'FAIL',
      requestEagerStart: options.eager(tenant),
      staticSummary: batchSummary(batch, contents),
      typedSearchAttributes: searchAttributesOf(tenant, stream),
    });
  } catch (error) {
    // An attempt before a crash, or one whose answer was lost, has started it.
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
  faultPoint('workflow-start.after');
}

/** Waits until the batch's workflow has ended, in whatever way: a lane goes on when its operator ends a batch by hand. */
async function decision(
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
      'batch ended without a decision; reset its workflow in the Temporal UI to run it again',
    );
    return undefined;
  }
}

function contentsOf(chunks: readonly Chunk[]): BatchContents {
  const types = [...new Set(chunks.flatMap((chunk) => chunk.types))].sort().slice(0, TYPES_SHOWN);
  return { types, firstEvent: chunks[0]?.firstEvent ?? '', lastEvent: chunks.at(-1)?.lastEvent ?? '' };
}
