import { createHash } from 'node:crypto';
import type { BatchName } from '../../events/event.js';

/** Of a header without optional fields. @see RFC 1952, section 2.3 */
const HEADER_BYTES = 10;
const FLAGS_AT = 3;
/** A header's flag of "the original file name", which ends with a zero byte. */
const FNAME = 8;
const LONGEST_NAME = 512;

/**
 * Writes into a batch file's gzip header, as the name of what is compressed, which batch it is and the SHA-256 of all that
 * follows the header. So a file says on its own whether it is what was written, and for which batch, where no reference
 * with its hash is at hand: in audits and replays. Whatever reads gzip passes over the name.
 */
export function signHeader(batch: BatchName, gzipped: Buffer): Buffer {
  if (gzipped.length < HEADER_BYTES || gzipped[FLAGS_AT] !== 0) return gzipped;
  const body = gzipped.subarray(HEADER_BYTES);
  const header = Buffer.from(gzipped.subarray(0, HEADER_BYTES));
  header[FLAGS_AT] = FNAME;
  return Buffer.concat([header, Buffer.from(`${signatureOf(batch, body)}\0`, 'latin1'), body]);
}

/** False for a file that is not what was written for this batch. One of version 0.1.0 says nothing, and passes. */
export function isAsSigned(batch: BatchName, gzipped: Buffer): boolean {
  if (gzipped[FLAGS_AT] !== FNAME) return true;
  const end = gzipped.subarray(0, HEADER_BYTES + LONGEST_NAME).indexOf(0, HEADER_BYTES);
  if (end === -1) return false;
  const name = gzipped.toString('latin1', HEADER_BYTES, end);
  return name === signatureOf(batch, gzipped.subarray(end + 1));
}

function signatureOf({ tenant, stream, batchId }: BatchName, body: Buffer): string {
  return `${tenant}.${stream}.${batchId}.${createHash('sha256').update(body).digest('hex')}.ndjson`;
}
