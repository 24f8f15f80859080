import { createCipheriv, createDecipheriv, randomBytes, type KeyObject } from 'node:crypto';

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Encrypts by AES-256-GCM: nonce (12 bytes), ciphertext, tag (16 bytes). Nonces are random, so a key may be used 2^32 times;
 * nothing here comes near that with one key.
 * @param context what has to be the same when it is decrypted; it is not kept
 * @see NIST SP 800-38D, 8.2.2 and 8.3
 */
export function encrypt(key: KeyObject, plain: Buffer, context: Buffer): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES }).setAAD(context);
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** Decrypts what {@link encrypt} gave; undefined when a bit of it, the key or the context is another. */
export function decrypt(key: KeyObject, encrypted: Buffer, context: Buffer): Buffer | undefined {
  if (encrypted.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const decipher = createDecipheriv(CIPHER, key, encrypted.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(context).setAuthTag(encrypted.subarray(-TAG_BYTES));
  const plain = decipher.update(encrypted.subarray(NONCE_BYTES, -TAG_BYTES));
  try {
    // Until here nobody has vouched for what has been decrypted.
    return Buffer.concat([plain, decipher.final()]);
  } catch {
    return undefined;
  }
}
