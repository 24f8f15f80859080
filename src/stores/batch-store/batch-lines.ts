import type { BatchRef } from '../../events/event.js';
import { TextLines } from '../../events/ndjson.js';
import { unlessUnreadable, type BatchStore } from './batch-store.js';

/** The lines of a batch's file; undefined if it is gone or damaged. */
export async function linesOf(batchStore: BatchStore, batch: BatchRef): Promise<TextLines | undefined> {
  const ndjson = await unlessUnreadable(batchStore.read(batch));
  return ndjson && new TextLines(ndjson);
}
