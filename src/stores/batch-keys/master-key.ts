import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { decrypt, encrypt } from './gcm.js';

const KEY_BYTES = 32;
const BASE64 = /^[A-Za-z0-9+/]{43}=$/;

/** The master keys of a deployment. Both missing: it encrypts nothing. */
export interface MasterKeys {
  /** Wraps new keys. Without it batch files are written as they are. */
  readonly current?: KeyObject;
  /** Opens what it has wrapped, no more. */
  readonly previous?: KeyObject;
}

/** Reads a key of 32 bytes from base64, as `openssl rand -base64 32` prints it; undefined for anything else. */
export function parseMasterKey(text: string): KeyObject | undefined {
  return BASE64.test(text) ? createSecretKey(Buffer.from(text, 'base64')) : undefined;
}

/** A key that wraps other keys by AES-256-GCM. */
export class MasterKey {
  /** Tells it from other master keys, and nothing of itself: 16 hexadecimal digits, by HKDF (RFC 5869). */
  readonly id: string;

  constructor(private readonly key: KeyObject) {
    this.id = Buffer.from(hkdfSync('sha256', key, '', 'headgate master key id', 8)).toString('hex');
  }

  /** @param context what the key is bound to: it opens with the same alone */
  wrap(key: Buffer, context: string): string {
    return encrypt(this.key, key, labelled(context)).toString('base64');
  }

  /** Undefined when it is not what this master key has wrapped in this context. */
  unwrap(wrapped: string, context: string): Buffer | undefined {
    const key = decrypt(this.key, Buffer.from(wrapped, 'base64'), labelled(context));
    return key?.length === KEY_BYTES ? key : undefined;
  }
}

function labelled(context: string): Buffer {
  return Buffer.from(`headgate batch key ${context}`);
}
