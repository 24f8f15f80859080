import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '../../durable-file.js';
import { HeadgateError, systemCodeOf } from '../../errors.js';
import type { BatchRef } from '../../event.js';
import { batchPathParts } from './batch-path.js';
import type { BatchName, BatchStore } from './batch-store.js';
import { goneError, openFile, openUnlessDamaged, readFileOf, refOf } from './gzip.js';
import { deleteFile, listBatches, listDays, noteDeletedThrough, readDeletedThrough } from './kept-files.js';

/**
 * Batch files in a local directory, each at its {@link batchPath}. A file is written under a temporary name, flushed, and
 * renamed, so a reader sees all of it or none.
 */
export function createFileBatchStore(root: string): BatchStore {
  const open: BatchStore['open'] = async (name) =>
    openFile(name, await readKept(batchPath(root, name), name.batchId));
  return {
    open,
    write: async (name, gzipped, events) => write(batchPath(root, name), name, gzipped, events),
    read: async (ref) => readFileOf(ref, await readKept(batchPath(root, ref), ref.batchId)),
    localFiles: async (names) => ({
      paths: names.map((name) => batchPath(root, name)),
      release: () => Promise.resolve(),
    }),
    list: (range) => listBatches(root, range),
    ref: async (name) => (await open(name)).ref,
    days: (tenant, stream) => listDays(root, tenant, stream),
    delete: async (name) => deleteFile(batchPath(root, name)),
    deletedThrough: (tenant) => readDeletedThrough(root, tenant),
    noteDeleted: (tenant, day) => noteDeletedThrough(root, tenant, day),
  };
}

/**
 * Where a batch file is under a root: `<root>/<tenant>/<stream>/<day>/<batchId>.ndjson.gz`.
 * @throws HeadgateError `TENANT_ID_INVALID`, `NOT_FOUND`
 */
export function batchPath(root: string, name: BatchName): string {
  return join(root, ...batchPathParts(name));
}

async function write(path: string, name: BatchName, gzipped: Buffer, events: number): Promise<BatchRef> {
  const kept = await readFile(path).catch(() => undefined);
  const opened = kept && (await openUnlessDamaged(name, kept));
  if (opened !== undefined) return opened.ref;
  try {
    await writeDurably(path, (temporary) => writeFile(temporary, gzipped));
  } catch (error) {
    throw storageError(error);
  }
  return refOf(name, gzipped, events);
}

async function readKept(path: string, batchId: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw storageError(error);
    throw goneError(batchId);
  }
}

function storageError(error: unknown): Error {
  if (systemCodeOf(error) === 'ENOSPC') {
    return new HeadgateError('DISK_FULL', 'The batch store has no room left.', {
      retryable: true,
      cause: error,
    });
  }
  return error as Error;
}
