import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { HeadgateError, systemCodeOf } from '../../errors.js';
import type { BatchRef, BatchName } from '../../events/event.js';
import { countLineFeeds } from '../../events/ndjson.js';
import { isUnreadable, type OpenBatch, type WriteOptions } from './batch-store.js';
import type { Seal } from './seal.js';
import { isAsSigned } from './signed-header.js';

const gunzipAsync = promisify(gunzip);

/** The reference of a batch file. */
export function refOf({ tenant, stream, batchId }: BatchName, gzipped: Buffer, events: number): BatchRef {
  return { tenant, stream, batchId, events, bytes: gzipped.length, sha256: sha256Of(gzipped) };
}

/**
 * What a batch file holds, read without knowing its reference.
 * @throws HeadgateError `BATCH_CORRUPT`: it is not a gzip file, or not what was written for this batch
 */
export async function openFile(name: BatchName, gzipped: Buffer): Promise<OpenBatch> {
  if (!isAsSigned(name, gzipped)) throw notSignedError(name.batchId);
  try {
    const ndjson = await gunzipAsync(gzipped);
    return { ref: refOf(name, gzipped, countLineFeeds(ndjson)), ndjson };
  } catch (error) {
    // Z_DATA_ERROR, Z_BUF_ERROR; anything else is no fault of the file.
    if (!(systemCodeOf(error) ?? '').startsWith('Z_')) throw error;
    throw new HeadgateError('BATCH_CORRUPT', `Batch file ${name.batchId} is not a gzip file.`);
  }
}

/**
 * What a file holds as it is kept, but undefined for one that is damaged or whose key is gone: it is written again, from the
 * same events, while there is a chance to.
 */
export async function openUnlessLost(
  seal: Seal,
  name: BatchName,
  kept: Buffer,
): Promise<OpenBatch | undefined> {
  try {
    return await openFile(name, await seal.open(name, kept));
  } catch (error) {
    if (isUnreadable(error)) return undefined;
    throw error;
  }
}

/**
 * Returns the bytes when they are those of the reference.
 * @throws HeadgateError `BATCH_CORRUPT`
 */
function assertSame(ref: BatchRef, gzipped: Buffer): Buffer {
  if (sha256Of(gzipped) === ref.sha256) return gzipped;
  throw corruptError(ref.batchId);
}

/** What is thrown for a batch file that is not what was written. */
export function corruptError(batchId: string): HeadgateError {
  return new HeadgateError(
    'BATCH_CORRUPT',
    `Batch file ${batchId} is damaged: it does not have the hash its workflow recorded.`,
  );
}

/**
 * The lines of a batch file, whose hash is the reference's.
 * @throws HeadgateError `BATCH_CORRUPT`
 */
export function readFileOf(ref: BatchRef, gzipped: Buffer): Promise<Buffer> {
  return gunzipAsync(assertSame(ref, gzipped));
}

function notSignedError(batchId: string): HeadgateError {
  return new HeadgateError(
    'BATCH_CORRUPT',
    `Batch file ${batchId} is damaged, or another batch's: its content does not have the hash in its header.`,
  );
}

/**
 * What is kept under a name, for somebody who wanted to write it.
 * @param wanted what was to be written, as signed; its lines may be packed otherwise
 * @throws HeadgateError `BATCH_ID_TAKEN`: the kept file has other lines, and that matters
 */
export async function keptInstead(
  { ref, ndjson }: OpenBatch,
  wanted: Buffer,
  { unlessOther = false }: WriteOptions,
): Promise<BatchRef> {
  if (!unlessOther || ref.sha256 === sha256Of(wanted) || ndjson.equals(await gunzipAsync(wanted))) return ref;
  throw new HeadgateError('BATCH_ID_TAKEN', `The batch store has other events as batch ${ref.batchId}.`);
}

/** What is thrown for a batch file that is not there. */
export function goneError(batchId: string): HeadgateError {
  return new HeadgateError('NOT_FOUND', `Batch file ${batchId} is gone: expired, or deleted by hand.`);
}

function sha256Of(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
