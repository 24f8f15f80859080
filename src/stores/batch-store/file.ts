import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { writeDurably } from '../../durable-file.js';
import { HeadgateError, systemCodeOf } from '../../errors.js';
import type { BatchRef } from '../../event.js';
import { assertBatchId, assertTenantId, dayOfBatch } from '../../tenant.js';
import type { BatchName, BatchStore, OpenBatch } from './batch-store.js';
import {
  ENDING,
  deleteFile,
  listBatches,
  listDays,
  noteDeletedThrough,
  readDeletedThrough,
} from './kept-files.js';

const gunzipAsync = promisify(gunzip);

const LINE_FEED = 0x0a;

/**
 * Batch files in a local directory: `<root>/<tenant>/<stream>/<day>/<batchId>.ndjson.gz`. A file is written under a
 * temporary name, flushed, and renamed, so a reader sees all of it or none.
 */
export function createFileBatchStore(root: string): BatchStore {
  const pathOf = (name: BatchName): string => join(directoryOf(root, name), `${name.batchId}${ENDING}`);
  return {
    pathOf,
    write: async (name, gzipped, events) => write(pathOf(name), name, gzipped, events),
    read: async (ref) => readVerified(pathOf(ref), ref),
    list: (range) => listBatches(root, range),
    open: async (name) => open(pathOf(name), name),
    ref: async (name) => (await open(pathOf(name), name)).ref,
    days: (tenant, stream) => listDays(root, tenant, stream),
    delete: async (name) => deleteFile(pathOf(name)),
    deletedThrough: (tenant) => readDeletedThrough(root, tenant),
    noteDeleted: (tenant, day) => noteDeletedThrough(root, tenant, day),
  };
}

async function open(path: string, { tenant, stream, batchId }: BatchName): Promise<OpenBatch> {
  const gzipped = await readKept(path, batchId);
  const ndjson = await gunzipAsync(gzipped).catch((error: unknown) => {
    throw new HeadgateError('BATCH_CORRUPT', `Batch file ${batchId} is no gzip file.`, { cause: error });
  });
  const [events, bytes, sha256] = [countLines(ndjson), gzipped.length, sha256Of(gzipped)];
  return { ref: { tenant, stream, batchId, events, bytes, sha256 }, ndjson };
}

async function write(path: string, name: BatchName, gzipped: Buffer, events: number): Promise<BatchRef> {
  const { tenant, stream, batchId } = name;
  const kept = await readFile(path).catch(() => undefined);
  const ndjson = kept && (await inflated(kept));
  if (kept !== undefined && ndjson !== undefined)
    return {
      tenant,
      stream,
      batchId,
      events: countLines(ndjson),
      bytes: kept.length,
      sha256: sha256Of(kept),
    };
  try {
    await writeDurably(path, (temporary) => writeFile(temporary, gzipped));
  } catch (error) {
    throw storageError(error);
  }
  return { tenant, stream, batchId, events, bytes: gzipped.length, sha256: sha256Of(gzipped) };
}

/** Undefined for a file that the disk has damaged: it is written again, from the same events, while there is a chance to. */
async function inflated(gzipped: Buffer): Promise<Buffer | undefined> {
  try {
    return await gunzipAsync(gzipped);
  } catch (error) {
    // Z_DATA_ERROR, Z_BUF_ERROR; anything else is no fault of the file.
    if (!(systemCodeOf(error) ?? '').startsWith('Z_')) throw error;
    return undefined;
  }
}

function countLines(ndjson: Buffer): number {
  let lines = 0;
  for (let at = ndjson.indexOf(LINE_FEED); at !== -1; at = ndjson.indexOf(LINE_FEED, at + 1)) lines++;
  return lines;
}

function sha256Of(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/** The directory of a batch's day; tenant and batch id are checked here, where they become part of a path. */
function directoryOf(root: string, name: BatchName): string {
  assertBatchId(name.batchId);
  return join(root, assertTenantId(name.tenant), name.stream, dayOfBatch(name.batchId));
}

async function readKept(path: string, batchId: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw storageError(error);
    throw new HeadgateError('NOT_FOUND', `Batch file ${batchId} is gone: expired, or deleted by hand.`);
  }
}

async function readVerified(path: string, ref: BatchRef): Promise<Buffer> {
  const gzipped = await readKept(path, ref.batchId);
  if (sha256Of(gzipped) !== ref.sha256) {
    throw new HeadgateError(
      'BATCH_CORRUPT',
      `Batch file ${ref.batchId} does not have the hash its workflow recorded.`,
    );
  }
  return gunzipAsync(gzipped);
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
