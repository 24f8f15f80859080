import { createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import { BatchKeys } from '../../src/stores/batch-keys/batch-keys.js';
import type { KeyFiles } from '../../src/stores/batch-keys/key-file.js';
import type { MasterKeys } from '../../src/stores/batch-keys/master-key.js';
import { MasterKeyring } from '../../src/stores/batch-keys/master-keyring.js';

/** A random master key. */
export function masterKey(): KeyObject {
  return createSecretKey(randomBytes(32));
}

/** The keys as a process has them that has just started. */
export function keysOf(files: KeyFiles, masters: MasterKeys, recheckMs?: number): BatchKeys {
  return new BatchKeys({ files, masters: new MasterKeyring(masters), recheckMs });
}
