import type { BatchRef } from '../../event.js';
import { isUnreadable, type BatchStore } from '../../stores/batch-store/batch-store.js';

/** The lines of a batch's file; undefined if it is gone or damaged. */
export async function linesOf(batchStore: BatchStore, batch: BatchRef): Promise<string[] | undefined> {
  try {
    return (await batchStore.read(batch)).toString('utf8').split('\n');
  } catch (error) {
    if (isUnreadable(error)) return undefined;
    throw error;
  }
}
