import { createHash, randomUUID } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { TEMPORARY, flushDirectory, makeDirectory } from '../../durable-file.js';
import { HeadgateError, systemCodeOf } from '../../errors.js';
import type { BatchRef } from '../../event.js';
import { assertBatchId, assertTenantId, dayOfBatch } from '../../tenant.js';
import type { BatchName, BatchStore, StagedBatch } from './batch-store.js';

const gzipAsync = promisify(gzip);
const gunzipAsync = promisify(gunzip);

/** Level 1 costs a fifth of the default's CPU for files about a quarter larger; the files live for days, not years. */
const GZIP_LEVEL = 1;

/**
 * Batch files in a local directory: `<root>/<tenant>/<stream>/<day>/<batchId>.ndjson.gz`. A file is written under a
 * temporary name, flushed, and renamed, so a reader sees all of it or none.
 */
export function createFileBatchStore(root: string): BatchStore {
  const pathOf = (name: BatchName): string => join(directoryOf(root, name), `${name.batchId}.ndjson.gz`);
  const stagedPath = (staged: StagedBatch): string =>
    join(directoryOf(root, staged), `.${staged.token}${TEMPORARY}`);

  async function stage(name: BatchName, ndjson: Buffer, events: number): Promise<StagedBatch> {
    const gzipped = await gzipAsync(ndjson, { level: GZIP_LEVEL });
    const sha256 = createHash('sha256').update(gzipped).digest('hex');
    const { tenant, stream, batchId } = name;
    const staged: StagedBatch = {
      tenant,
      stream,
      batchId,
      token: randomUUID(),
      events,
      bytes: gzipped.length,
      sha256,
    };
    await writeStaged(stagedPath(staged), gzipped);
    return staged;
  }

  async function publish(staged: StagedBatch): Promise<BatchRef> {
    const path = pathOf(staged);
    try {
      await rename(stagedPath(staged), path);
      await flushDirectory(dirname(path));
    } catch (error) {
      // Gone from its temporary name: an earlier attempt has put it in its place. If it has expired since, the load says
      // so, unless the warehouse holds the batch and does not need the file.
      if (systemCodeOf(error) !== 'ENOENT') throw storageError(error);
    }
    const { tenant, stream, batchId, events, bytes, sha256 } = staged;
    return { tenant, stream, batchId, events, bytes, sha256 };
  }

  return {
    stage,
    publish,
    pathOf,
    write: async (name, ndjson, events) => publish(await stage(name, ndjson, events)),
    discard: (staged) => rm(stagedPath(staged), { force: true }),
    read: (ref) => readVerified(pathOf(ref), ref),
  };
}

/** The directory of a batch's day; tenant and batch id are checked here, where they become part of a path. */
function directoryOf(root: string, name: BatchName): string {
  assertBatchId(name.batchId);
  return join(root, assertTenantId(name.tenant), name.stream, dayOfBatch(name.batchId));
}

async function readVerified(path: string, ref: BatchRef): Promise<Buffer> {
  let gzipped: Buffer;
  try {
    gzipped = await readFile(path);
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw storageError(error);
    throw new HeadgateError('NOT_FOUND', `Batch file ${ref.batchId} is gone: expired, or deleted by hand.`);
  }
  const sha256 = createHash('sha256').update(gzipped).digest('hex');
  if (sha256 !== ref.sha256) {
    throw new HeadgateError(
      'BATCH_CORRUPT',
      `Batch file ${ref.batchId} does not have the hash its workflow recorded.`,
    );
  }
  return gunzipAsync(gzipped);
}

/** Not yet in its place: that is a second step, which the state's transaction comes before. */
async function writeStaged(path: string, content: Buffer): Promise<void> {
  try {
    await makeDirectory(dirname(path));
    const file = await open(path, 'w');
    try {
      await file.writeFile(content);
      await file.datasync();
    } finally {
      await file.close();
    }
  } catch (error) {
    throw storageError(error);
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
