import { HeadgateError } from '../errors.js';
import type { BatchRef } from '../events/event.js';
import { refusalOf, startBatch, type StartBatchOptions } from '../temporal/start-batch.js';
import { unlessUnreadable, type BatchStore } from '../stores/batch-store/batch-store.js';
import type { Quarantine } from '../stores/quarantine/quarantine.js';
import type { DeliverResult } from '../workflows/messages/deliveries.js';
import type { RestartBatchInput } from '../workflows/messages/ingest-dead-letter.js';
import type { IngestBatchInput } from '../workflows/messages/batches.js';
import type { DeadLetterIngest } from './dead-letter-ingest.js';

/** What {@link createRestartBatch} needs. */
export interface RestartBatchOptions extends Omit<StartBatchOptions, 'eager'> {
  readonly quarantine: Pick<Quarantine, 'start'>;
  readonly batchStore: Pick<BatchStore, 'read'>;
  readonly deadLetterIngest: DeadLetterIngest;
}

/** Starts the workflow of a batch that was refused; what is refused again is dead-lettered again. */
export type RestartBatch = (input: RestartBatchInput) => Promise<DeliverResult>;

/**
 * Builds the activity that redrives a refused start. Its input comes from quarantine and not by Temporal, which has
 * found it too large, as likely as not.
 */
export function createRestartBatch(options: RestartBatchOptions): RestartBatch {
  const { deadLetterIngest } = options;
  return async ({ batch, cause }) => {
    const problem = await startOrRefusal(options, batch);
    if (problem === undefined)
      return { delivered: batch.events, deadLettered: 0, passes: 1, deadLetters: [] };
    const again = await deadLetterIngest({ batch, reason: 'start-refused', detail: problem, cause });
    return { delivered: 0, deadLettered: batch.events, passes: 1, deadLetters: [again] };
  };
}

/** What keeps the batch from being started for good; undefined when it is started. */
async function startOrRefusal(options: RestartBatchOptions, batch: BatchRef): Promise<string | undefined> {
  try {
    await startBatch(options, inputFor(batch, await options.quarantine.start(batch)));
    return undefined;
  } catch (error) {
    if (error instanceof HeadgateError && error.code === 'NOT_FOUND') {
      // Quarantine is beside the batches: where they are out of reach, so is it, and nothing is known to be gone.
      await unlessUnreadable(options.batchStore.read(batch));
      return error.message;
    }
    const refusal = refusalOf(error);
    if (refusal === undefined) throw error;
    return refusal;
  }
}

/** A file that was put there by hand must not start what is somebody else's. */
function inputFor(batch: BatchRef, kept: string): IngestBatchInput {
  const input = JSON.parse(kept) as IngestBatchInput;
  if (input.batch.tenant === batch.tenant && input.batch.batchId === batch.batchId) return input;
  throw new HeadgateError('NOT_FOUND', `What is kept of batch ${batch.batchId} is of another batch.`);
}
