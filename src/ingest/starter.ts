import {
  WorkflowFailedError,
  WorkflowNotFoundError,
  type Client,
  type WorkflowHandle,
} from '@temporalio/client';
import pRetry, { AbortError } from 'p-retry';
import { codeOf, HeadgateError, messageOf, retryable } from '../errors.js';
import type { BatchRef } from '../events/event.js';
import { faultPoint } from '../platform/fault-point.js';
import type { Logger } from '../platform/logger.js';
import type { Metrics, RetriedStep } from '../observability/metrics.js';
import { refusalOf, startBatch } from '../temporal/start-batch.js';
import type { BatchStore } from '../stores/batch-store/batch-store.js';
import type { LostEvents, Quarantine } from '../stores/quarantine/quarantine.js';
import { joined, type Attributes, type Joined, type Tracing } from '../tracing/tracing.js';
import { entryOfBatch } from '../stores/usage/entries.js';
import type { UsageRecorder } from '../stores/usage/recorder.js';
import { batchWorkflowId } from '../tenants/workflow-ids.js';
import type { Isolation } from '../tenants/queues.js';
import type { IngestDeadLetter } from '../workflows/messages/ingest-dead-letter.js';
import type { IngestBatchInput, IngestBatchResult } from '../workflows/messages/batches.js';
import { inputOfForgotten } from './forgotten-batch.js';
import type { Plan } from './partition.js';
import type { Chunk } from '../events/chunk.js';
import { readBatch } from './read-batch.js';
import type { Spool } from './spool.js';
import { contentsOf, writeBatch } from './write-batch.js';

/** What {@link createStarter} needs. */
export interface StarterOptions {
  readonly client: Client;
  readonly spool: Spool;
  readonly batchStore: BatchStore;
  readonly quarantine: Quarantine;
  /** Starts a dead letter of what can never be handed over; once, however often it is asked to. */
  readonly deadLetterIngest: (deadLetter: IngestDeadLetter) => Promise<string>;
  readonly isolationOf: (tenant: string) => Isolation;
  /** The id of a batch whose own is taken. */
  readonly nextBatchId: () => string;
  /** True when this process runs the Worker of the queue: the first workflow task then comes with the start's answer. */
  readonly eager: (tenant: string) => boolean;
  /** Told once Temporal has these chunks, and that is on disk. */
  readonly onHandedOver: (chunks: readonly Chunk[]) => void;
  /** Told once a batch's workflow has ended; without a result if that was by hand, or if all of it is dead. */
  readonly onEnded: (plan: Plan, result: IngestBatchResult | undefined) => void;
  /** Called with a batch that Temporal no longer knows, each time that it is found out. */
  readonly onForgotten?: (plan: Plan) => void;
  /** Counts what was handed over. Default: nobody does. */
  readonly usage?: Pick<UsageRecorder, 'counted'>;
  readonly metrics?: Pick<Metrics, 'batchStarted' | 'stepRetried'>;
  /** Follows batches of requests that are followed. Default: none. */
  readonly tracing?: Pick<Tracing, 'join'>;
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
 * Steps that ask Temporal. A call over the connection of the Workers cannot be called off, and one that waits for a
 * batch's end may never return; at a stop its answer is not waited for. Asking again, in the next process, is harmless.
 */
const ASKS_TEMPORAL: ReadonlySet<RetriedStep> = new Set<RetriedStep>(['start', 'park', 'await']);

/** What is to be handed over of a batch. */
interface Written {
  /** As it was planned, or under another id where that was taken. */
  readonly plan: Plan;
  /** Input of its workflow; absent when nothing of it is left, or the workflow is there already. */
  readonly input?: IngestBatchInput;
  readonly lost?: LostEvents;
  readonly started: boolean;
  /** The traces of its requests. */
  readonly joins?: readonly Joined[];
}

/**
 * Carries a batch from its plan to the end of its workflow: plan, events and decisions on disk → workflow started →
 * handed over → ended. Every step can be run again after a crash: the plan gives the same batch id, files and workflow
 * id, and Temporal refuses the second start. What can never be handed over, damaged chunks and starts that Temporal
 * refuses for good, goes to quarantine and becomes a dead letter; whatever else fails is tried again for ever.
 */
export function createStarter(
  options: StarterOptions,
): (plan: Plan, chunks: readonly Chunk[]) => Promise<void> {
  const { spool, metrics, log, signal } = options;

  /** Runs one step until it succeeds, and says so while it does not. */
  function untilDone<T>(step: RetriedStep, plan: Plan, run: () => Promise<T>): Promise<T> {
    const onFailedAttempt = ({ error, attemptNumber }: { error: Error; attemptNumber: number }): void => {
      if (signal.aborted) return;
      metrics?.stepRetried(step, plan.tenant);
      log.warn('BATCH_STEP_FAILED', {
        tenant: plan.tenant,
        batch: plan.batchId,
        step,
        attempt: attemptNumber,
        code: codeOf(error),
        reason: messageOf(error),
      });
    };
    const attempt = (): Promise<T> => (ASKS_TEMPORAL.has(step) ? orStopped(run(), signal) : run());
    return pRetry(() => attempt().catch(retryable), { ...RETRY, onFailedAttempt, signal });
  }

  /** Returns the input as it was started; undefined where it is dead. */
  function start({ plan, input, joins = [] }: Written): Promise<IngestBatchInput | undefined> {
    if (input === undefined) return Promise.resolve(undefined);
    const join = () => ({ name: 'start batch', attributes: attributesOf(plan), joins });
    return joined(options.tracing, join, async (trace) => {
      const traced = trace === undefined ? input : tracedInput(input, trace);
      return (await untilDone('start', plan, () => startOrDeadLetter(options, plan, traced)))
        ? traced
        : undefined;
    });
  }

  /** Returns the plan as it is handed over. */
  async function handOver(planned: Plan, chunks: readonly Chunk[]): Promise<Plan> {
    const written = await untilDone('write', planned, () => write(options, planned, chunks));
    const { plan, lost, started } = written;
    const input = await start(written);
    if (lost !== undefined) await untilDone('park', plan, () => deadLetterLost(options, plan, lost));
    const handedOver: Plan = started || input ? { ...plan, input } : { ...plan, dead: true };
    await untilDone('hand-over', plan, () => spool.handOver(handedOver, chunks));
    const { tenant, stream, events } = plan;
    const counts = { events: events - (lost?.events ?? 0), bytes: bytesOf(chunks) };
    metrics?.batchStarted(tenant, { stream, batchId: handedOver.batchId, ...counts, chunks });
    options.onHandedOver(chunks);
    return handedOver;
  }

  return async (plan, chunks) => {
    const handedOver = plan.started === true ? plan : await handOver(plan, chunks);
    // Beside the workflow, and before the plan is gone: after a crash it is counted again, under the same name.
    const counted = untilDone('count', handedOver, async () =>
      options.usage?.counted([entryOfBatch(handedOver)]),
    );
    counted.catch(() => undefined);
    const result =
      handedOver.dead === true
        ? undefined
        : await untilDone('await', handedOver, () => endOf(options, handedOver));
    options.onEnded(handedOver, result);
    await counted;
    await untilDone('finish', handedOver, () => spool.finish(handedOver));
  };
}

async function write(options: StarterOptions, plan: Plan, chunks: readonly Chunk[]): Promise<Written> {
  const { records, lost, started } = await readBatch(options, plan, chunks);
  if (started || records.length === 0) return { plan, lost, started };
  const joins = records.map(({ head }) => ({ trace: head.trace, since: head.receivedAt }));
  try {
    return { plan, input: await writeBatch(options, plan, records), lost, started, joins };
  } catch (error) {
    if (codeOf(error) !== 'BATCH_ID_TAKEN') throw error;
    const renamed = { ...plan, batchId: options.nextBatchId() };
    options.log.warn('BATCH_RENAMED', {
      code: 'BATCH_ID_TAKEN',
      tenant: plan.tenant,
      batch: plan.batchId,
      newBatch: renamed.batchId,
    });
    return { plan: renamed, input: await writeBatch(options, renamed, records), lost, started, joins };
  }
}

/** What its span says of a batch. */
function attributesOf({ tenant, stream, batchId, events, bytes }: Plan): Attributes {
  return {
    'headgate.tenant': tenant,
    'headgate.stream': stream,
    'headgate.batch': batchId,
    'headgate.events': events,
    'headgate.bytes': bytes,
  };
}

/** Each reference has the trace: what is loaded or delivered goes on from it. */
function tracedInput({ batch, decided, ...input }: IngestBatchInput, trace: string): IngestBatchInput {
  const { decisions } = decided;
  return {
    ...input,
    batch: { ...batch, trace },
    decided: decisions === undefined ? decided : { ...decided, decisions: { ...decisions, trace } },
  };
}

/**
 * Starts the batch's workflow, or dead-letters the batch if Temporal will not have it. A refusal counts only once the dead
 * letter is there: when Temporal refuses that as well, it is Temporal that is not as it should be.
 * @returns whether the workflow is started
 */
async function startOrDeadLetter(
  { client, isolationOf, eager, quarantine, deadLetterIngest, log }: StarterOptions,
  { tenant, stream, batchId, events }: Plan,
  input: IngestBatchInput,
): Promise<boolean> {
  faultPoint('workflow-start.before');
  try {
    await startBatch({ client, isolationOf, eager: eager(tenant) }, input);
    faultPoint('workflow-start.after');
    return true;
  } catch (error) {
    const detail = refusalOf(error);
    if (detail === undefined) throw error;
    const { batch } = input;
    await quarantine.keepStart(batch, JSON.stringify(input));
    const deadLetter = await deadLetterIngest({ batch, reason: 'start-refused', detail });
    log.error('BATCH_START_REFUSED', { tenant, stream, batch: batchId, events, deadLetter, reason: detail });
    return false;
  }
}

async function deadLetterLost(
  { quarantine, deadLetterIngest, log }: StarterOptions,
  { tenant, stream, batchId }: Plan,
  { events, chunks }: LostEvents,
): Promise<void> {
  const place = quarantine.placeOf({ tenant, stream, batchId });
  // There is nothing to read: only whose they were, and how many.
  const batch: BatchRef = { tenant, stream, batchId, events, bytes: 0, sha256: '' };
  const detail = `The disk has damaged these events before they were in a batch; what is left of them is in ${place}, in the data directory.`;
  const deadLetter = await deadLetterIngest({
    batch,
    reason: 'spool-damaged',
    detail,
    contents: contentsOf(chunks),
  });
  log.error('EVENTS_LOST', {
    tenant,
    stream,
    batch: batchId,
    events,
    records: chunks.length,
    deadLetter,
    file: place,
  });
}

/**
 * Waits until the batch's workflow has ended, in whatever way: a partition goes on when its operator ends a batch by hand. One
 * that is reset goes on in a newer run, which is waited for as well.
 * @throws HeadgateError `BATCH_FORGOTTEN` (retryable) when Temporal no longer knew it, and it has been started again
 */
async function endOf(options: StarterOptions, plan: Plan): Promise<IngestBatchResult | undefined> {
  const { client, log } = options;
  const handle = client.workflow.getHandle(batchWorkflowId(plan.tenant, plan.stream, plan.batchId));
  try {
    for (;;) {
      const ended = await resultOf(handle);
      if ('result' in ended) return ended.result;
      const fields = { tenant: plan.tenant, batch: plan.batchId, reason: ended.reason };
      if (await goesOn(handle)) {
        log.info('BATCH_WORKFLOW_RESET', fields);
        continue;
      }
      log.error('BATCH_WORKFLOW_FAILED', fields);
      return undefined;
    }
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    return startAgain(options, plan);
  }
}

async function resultOf(
  handle: WorkflowHandle,
): Promise<{ readonly result: IngestBatchResult } | { readonly reason: string }> {
  try {
    return { result: (await handle.result()) as IngestBatchResult };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    return { reason: messageOf(error.cause ?? error) };
  }
}

/** True when another run has taken the place of the one that has ended. */
async function goesOn(handle: WorkflowHandle): Promise<boolean> {
  const { status } = await handle.describe();
  return status.name === 'RUNNING' || status.name === 'COMPLETED';
}

/**
 * Starts a batch from its file that Temporal no longer knows. It may have gone through before: its load leaves out what the
 * warehouse holds, and its deliveries go out under the ids they had. What cannot be started again has no end to wait for.
 * @throws HeadgateError `BATCH_FORGOTTEN`: it is started, and its end is to be waited for
 */
async function startAgain(options: StarterOptions, plan: Plan): Promise<undefined> {
  const { batchStore, log } = options;
  const { tenant, stream, batchId, events } = plan;
  options.onForgotten?.(plan);
  const found = await inputOfForgotten(batchStore, plan);
  if ('lost' in found) {
    const reason = `Temporal no longer knows the batch, and ${found.lost}`;
    log.error('BATCH_LOST', { code: 'BATCH_FORGOTTEN', tenant, stream, batch: batchId, events, reason });
    return undefined;
  }
  if (!(await startOrDeadLetter(options, plan, found.input))) return undefined;
  const reason =
    'Temporal no longer knows the batch: its workflow was deleted or is past its retention, or this is another ' +
    'Temporal. It is started again from its file; deliveries of it may be repeated.';
  throw new HeadgateError('BATCH_FORGOTTEN', reason, { retryable: true });
}

function bytesOf(chunks: readonly Chunk[]): number {
  return chunks.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Rejects for good, whatever has become of the work, once it is time to stop. */
function orStopped<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(new AbortError('stopping'));
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
