import type { BatchRef } from '../../events/event.js';

/** Input of the activity that loads rows of a batch again. */
export interface ReloadRowsInput {
  readonly batch: BatchRef;
  /** The lines, as `LineSet` encodes them; absent when they are all of the batch. */
  readonly lines?: string;
  /** Names the redrive. */
  readonly cause: string;
}
