import { join } from 'node:path';
import type { BatchRef } from '../../event.js';
import { ENDING } from './batch-path.js';
import type { BatchName, LocalFiles } from './batch-store.js';
import { writeCopy, type Downloads } from './downloads.js';
import { assertSame } from './gzip.js';

const COPIES_AT_ONCE = 8;

/**
 * Makes copies of batch files for engines, a few at a time. A batch that is gone is left out: who reads its file will say
 * so, if it is needed at all.
 * @param read the gzipped file of a batch; undefined when it is gone
 */
export async function copyFiles(
  downloads: Downloads,
  batches: readonly (BatchName | BatchRef)[],
  read: (batch: BatchName, index: number) => Promise<Buffer | undefined>,
  signal?: AbortSignal,
): Promise<LocalFiles> {
  const bytes = batches.reduce((sum, batch) => sum + ('bytes' in batch ? batch.bytes : 0), 0);
  const { path: directory, release } = await downloads.open(bytes, signal);
  const paths = batches.map(({ batchId }, index) => join(directory, String(index), `${batchId}${ENDING}`));
  const copy = async (batch: BatchName | BatchRef, index: number): Promise<void> => {
    const gzipped = await read(batch, index);
    if (gzipped !== undefined)
      await writeCopy(paths[index] as string, 'sha256' in batch ? assertSame(batch, gzipped) : gzipped);
  };
  try {
    for (let at = 0; at < batches.length; at += COPIES_AT_ONCE) {
      signal?.throwIfAborted();
      const some = batches.slice(at, at + COPIES_AT_ONCE);
      // All are waited for: what still runs must not write into a directory that has been released.
      const copies = some.map((batch, index) => copy(batch, at + index));
      for (const copied of await Promise.allSettled(copies))
        if (copied.status === 'rejected') throw copied.reason;
    }
  } catch (error) {
    await release();
    throw error;
  }
  return { paths, release };
}
