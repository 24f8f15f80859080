import { HeadgateError } from '../../errors.js';
import type { BatchRef } from '../../event.js';
import type { BatchStore } from '../../stores/batch-store/batch-store.js';

/** The lines of a batch's file; undefined if it is gone. */
export async function linesOf(batchStore: BatchStore, batch: BatchRef): Promise<string[] | undefined> {
  try {
    return (await batchStore.read(batch)).toString('utf8').split('\n');
  } catch (error) {
    if (error instanceof HeadgateError && error.code === 'NOT_FOUND') return undefined;
    throw error;
  }
}
