import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '../../platform/durable-file.js';
import { HeadgateError, systemCodeOf } from '../../errors.js';
import type { BatchName, BatchRef } from '../../events/event.js';
import { batchPathParts } from './batch-path.js';
import type { BatchStore, OpenBatch } from './batch-store.js';
import { copyFiles } from './copies.js';
import { Downloads } from './downloads.js';
import { goneError, keptInstead, openFile, openUnlessLost, readFileOf, refOf } from './gzip.js';
import {
  deleteFile,
  deleteTenant,
  listBatches,
  listDays,
  noteDeletedThrough,
  readDeletedThrough,
} from './kept-files.js';
import { UNSEALED, type Seal } from './seal.js';
import { signHeader } from './signed-header.js';
import { damageOf } from './whole.js';

/** How files are sealed, and the directory for copies that engines read. */
export interface FileSealing {
  readonly seal: Seal;
  readonly downloads: string;
}

/**
 * Batch files in a local directory, each at its {@link batchPath}. A file is written under a temporary name, flushed, and
 * renamed, so a reader sees all of it or none.
 * @param sealing default: files are kept as they are
 */
export function createFileBatchStore(root: string, sealing?: FileSealing): BatchStore {
  const seal = sealing?.seal ?? UNSEALED;
  const downloads = sealing?.seal.hides === true ? new Downloads(sealing.downloads) : undefined;
  const read = async (name: BatchName, path: string): Promise<Buffer | undefined> => {
    const bytes = await readIfThere(path);
    return bytes && seal.open(name, bytes);
  };
  const readKept = async (name: BatchName): Promise<Buffer> => {
    const bytes = await read(name, batchPath(root, name));
    if (bytes === undefined) throw goneError(name.batchId);
    return bytes;
  };
  const open: BatchStore['open'] = async (name) => openFile(name, await readKept(name));
  return {
    open,
    write: async (name, gzipped, events, options = {}) => {
      const signed = signHeader(name, gzipped);
      const path = batchPath(root, name);
      const kept = await opened(seal, path, name);
      if (kept !== undefined) return keptInstead(kept, signed, options);
      await write(path, await seal.seal(name, signed));
      return refOf(name, signed, events);
    },
    read: async (ref) => readFileOf(ref, await readKept(ref)),
    localFiles: async (names, signal) => {
      const paths = names.map((name) => batchPath(root, name));
      if (downloads === undefined) {
        const damaged = await damagedOf(names, paths, signal);
        return { paths, damaged, release: () => Promise.resolve() };
      }
      const readOf = (name: BatchName, index: number) => read(name, paths[index] as string);
      return copyFiles({ downloads, read: readOf, signal }, names);
    },
    list: (range) => listBatches(root, range),
    ref: async (name) => (await open(name)).ref,
    days: (tenant, stream) => listDays(root, tenant, stream),
    delete: async (name) => deleteFile(batchPath(root, name)),
    deleteTenant: (tenant, except) => deleteTenant(root, tenant, except),
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

async function opened(seal: Seal, path: string, name: BatchName): Promise<OpenBatch | undefined> {
  const kept = await readFile(path).catch(() => undefined);
  return kept && openUnlessLost(seal, name, kept);
}

async function write(path: string, sealed: Buffer): Promise<void> {
  try {
    await writeDurably(path, (temporary) => writeFile(temporary, sealed));
  } catch (error) {
    throw storageError(error);
  }
}

/** One file in memory at a time. */
async function damagedOf(
  batches: readonly (BatchName | BatchRef)[],
  paths: readonly string[],
  signal?: AbortSignal,
): Promise<Map<string, HeadgateError>> {
  const damaged = new Map<string, HeadgateError>();
  for (const [index, path] of paths.entries()) {
    signal?.throwIfAborted();
    const bytes = await readIfThere(path);
    const damage = bytes && (await damageOf(batches[index] as BatchName, bytes));
    if (damage !== undefined) damaged.set(path, damage);
  }
  return damaged;
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw storageError(error);
    return undefined;
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
