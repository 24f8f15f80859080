import { webcrypto } from 'node:crypto';
import { HeadgateError } from '../../errors.js';
import type { BatchRef, BatchName } from '../../events/event.js';
import { corruptError, openFile } from './gzip.js';

/**
 * What is wrong with a batch file, gzipped as its callers know it: it does not have the hash of its reference or, where
 * only its name is known, the hash in its own header, or what gzip keeps: CRC-32 and length. Most is worked out in a thread
 * beside.
 */
export async function damageOf(
  batch: BatchName | BatchRef,
  gzipped: Buffer,
): Promise<HeadgateError | undefined> {
  if ('sha256' in batch) {
    const digest = Buffer.from(await webcrypto.subtle.digest('SHA-256', gzipped));
    return digest.toString('hex') === batch.sha256 ? undefined : corruptError(batch.batchId);
  }
  return damageIn(openFile(batch, gzipped));
}

/** What a read says is damaged; its other errors are thrown. */
export async function damageIn(reading: Promise<unknown>): Promise<HeadgateError | undefined> {
  try {
    await reading;
    return undefined;
  } catch (error) {
    if (error instanceof HeadgateError && error.code === 'BATCH_CORRUPT') return error;
    throw error;
  }
}
