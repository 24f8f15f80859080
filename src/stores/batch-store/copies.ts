import { join } from 'node:path';
import type { HeadgateError } from '../../errors.js';
import type { BatchRef, BatchName } from '../../events/event.js';
import { ENDING } from './batch-path.js';
import type { LocalFiles } from './batch-store.js';
import { writeCopy, type DownloadDirectory, type Downloads } from './downloads.js';
import { damageIn, damageOf } from './whole.js';

const COPIES_AT_ONCE = 8;
const MAX_UNKNOWN_BYTES = 64 * 1024 ** 2;

/** What {@link copyFiles} works with. */
export interface CopyOptions {
  readonly downloads: Downloads;
  /** The gzipped file of a batch; undefined when it is gone. */
  readonly read: (batch: BatchName, index: number) => Promise<Buffer | undefined>;
  readonly signal?: AbortSignal;
  /** Bytes after which there are no more copies of files whose size nobody has told. Default 64 MB. */
  readonly maxUnknownBytes?: number;
}

/**
 * Makes copies of batch files for engines, a few at a time. A batch that is gone is left out: who reads its file will say
 * so, if it is needed at all.
 * @returns files of all references; of names, of the first that come to that number of bytes
 */
export async function copyFiles(
  options: CopyOptions,
  batches: readonly (BatchName | BatchRef)[],
): Promise<LocalFiles> {
  const { downloads, signal, maxUnknownBytes = MAX_UNKNOWN_BYTES } = options;
  const sizes = batches.map((batch) => ('bytes' in batch ? batch.bytes : undefined));
  const known = sizes.every((size) => size !== undefined);
  const room = known ? sizes.reduce((sum, size) => sum + size, 0) : maxUnknownBytes;
  const directory = await downloads.open(room, signal);
  const paths: string[] = [];
  const damaged = new Map<string, HeadgateError>();
  let copied = 0;
  try {
    while (paths.length < batches.length && (known || copied < maxUnknownBytes)) {
      signal?.throwIfAborted();
      const some = batches.slice(paths.length, paths.length + COPIES_AT_ONCE);
      const copies = some.map((batch, index) => copyOne(options, directory, batch, paths.length + index));
      // All are waited for: what still runs must not write into a directory that has been released.
      for (const copy of await Promise.allSettled(copies)) {
        if (copy.status === 'rejected') throw copy.reason;
        const { path, bytes, damage } = copy.value;
        paths.push(path);
        copied += bytes;
        if (damage !== undefined) damaged.set(path, damage);
      }
    }
  } catch (error) {
    await directory.release();
    throw error;
  }
  return { paths, damaged, release: directory.release };
}

async function copyOne(
  { read }: CopyOptions,
  directory: DownloadDirectory,
  batch: BatchName | BatchRef,
  index: number,
): Promise<{ readonly path: string; readonly bytes: number; readonly damage?: HeadgateError }> {
  const path = join(directory.path, String(index), `${batch.batchId}${ENDING}`);
  let gzipped: Buffer | undefined;
  const sealing = await damageIn(read(batch, index).then((bytes) => (gzipped = bytes)));
  const damage = sealing ?? (gzipped && (await damageOf(batch, gzipped)));
  const bytes = gzipped?.length ?? 0;
  if (damage !== undefined) return { path, bytes, damage };
  if (gzipped !== undefined) await writeCopy(path, gzipped);
  return { path, bytes };
}
