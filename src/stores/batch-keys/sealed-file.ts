import type { KeyObject } from 'node:crypto';
import type { BatchName } from '../../events/event.js';
import type { DataKey } from './batch-keys.js';
import { decrypt, encrypt } from './gcm.js';

const MAGIC = Buffer.from('HGE1');
const ID_BYTES = 8;
const HEADER_BYTES = MAGIC.length + ID_BYTES;

/**
 * Seals a batch file: `HGE1`, the key's id (8 bytes), nonce (12), ciphertext, tag (16). The tag is over the header and the
 * batch's name as well, so that a file opens in no other batch's place, nor in another tenant's.
 *
 * Nonces are random. They need not follow from the content (as in AES-GCM-SIV, RFC 8452) for a file to be the same when it is
 * written again: one that is there is kept, and references have the hash of what is sealed, not of the sealed file.
 */
export function sealFile({ id, key }: DataKey, name: BatchName, plain: Buffer): Buffer {
  const header = Buffer.concat([MAGIC, Buffer.from(id, 'hex')]);
  return Buffer.concat([header, encrypt(key, plain, contextOf(header, name))]);
}

/** The id of the key that a file is sealed with; undefined for one that is not sealed. */
export function keyIdOf(file: Buffer): string | undefined {
  if (!file.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  return file.subarray(MAGIC.length, HEADER_BYTES).toString('hex');
}

/** What is in a sealed file; undefined when it, its place or the key is not what it was. */
export function openSealedFile(key: KeyObject, name: BatchName, file: Buffer): Buffer | undefined {
  const header = file.subarray(0, HEADER_BYTES);
  return decrypt(key, file.subarray(HEADER_BYTES), contextOf(header, name));
}

function contextOf(header: Buffer, { tenant, stream, batchId }: BatchName): Buffer {
  return Buffer.concat([header, Buffer.from(`${tenant}/${stream}/${batchId}`)]);
}
