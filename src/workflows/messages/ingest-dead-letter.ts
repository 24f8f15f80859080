import type { BatchRef } from '../../events/event.js';
import type { DeadReason } from './deliveries.js';
import type { BatchContents } from './batches.js';

/** What stands in the place of a subscription in dead letters of ingest; no subscription may have this name. */
export const INGEST = 'ingest';

/** What ingest could not hand over to Temporal for good. */
export interface IngestDeadLetter {
  /** The batch; of events that are damaged, with their number and nothing to read. */
  readonly batch: BatchRef;
  readonly reason: Extract<DeadReason, 'spool-damaged' | 'start-refused'>;
  readonly detail: string;
  /** What the events are, where they cannot be read. */
  readonly contents?: BatchContents;
  /** Names the redrive that has failed. */
  readonly cause?: string;
}

/** Input of the activity that starts the workflow of a batch whose start was refused. */
export interface RestartBatchInput {
  readonly batch: BatchRef;
  /** Names the redrive. */
  readonly cause: string;
}

/** True for reasons of which a redrive can never come to anything: there are no events left to redrive. */
export function isBeyondRedrive(reason: DeadReason): boolean {
  return reason === 'spool-damaged';
}
