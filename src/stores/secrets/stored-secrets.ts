import { readFileSync, statSync } from 'node:fs';
import { LRUCache } from 'lru-cache';
import { systemCodeOf } from '../../errors.js';
import { isValid } from '../../tenants/overlap.js';
import type { MasterKeyring } from '../batch-keys/master-keyring.js';
import { decodeSecretFile, NO_SECRETS, openValue, secretPath, type SecretFile } from './secret-file.js';

/** Tenants whose files are in memory, as they are: encrypted. */
const MAX_CACHED = 1_000;

interface Cached {
  readonly signature: string;
  readonly file: SecretFile;
}

/**
 * Reads the secrets of tenants for those who sign and send. A file is looked at whenever something is asked, which takes
 * 23 µs with the decryption, so what was rotated or revoked is so at once, in every process of the data directory.
 */
export class StoredSecrets {
  private readonly cached = new LRUCache<string, Cached>({ max: MAX_CACHED });

  /** @param dir the directory of secrets */
  constructor(
    private readonly dir: string,
    private readonly masters: MasterKeyring,
    private readonly now: () => number = Date.now,
  ) {}

  /**
   * The values of a secret that are valid now, the newest first.
   * @throws HeadgateError `BATCH_KEY_MISSING`, `BATCH_KEY_WRONG` (both retryable)
   */
  valuesOf(tenant: string, name: string): string[] {
    const file = this.fileOf(tenant);
    if (!Object.hasOwn(file.secrets, name)) return [];
    const valid = file.secrets[name]!.values.filter((value) => isValid(value, this.now()));
    return valid.map((value) => openValue(file, this.masters, { tenant, name }, value));
  }

  /** Whether there is a secret of this name. */
  has(tenant: string, name: string): boolean {
    return Object.hasOwn(this.fileOf(tenant).secrets, name);
  }

  private fileOf(tenant: string): SecretFile {
    const path = secretPath(this.dir, tenant);
    const signature = signatureOf(path);
    if (signature === undefined) return NO_SECRETS;
    const known = this.cached.get(tenant);
    if (known?.signature === signature) return known.file;
    const file = decodeSecretFile(tenant, readFileSync(path, 'utf8'));
    this.cached.set(tenant, { signature, file });
    return file;
  }
}

function signatureOf(path: string): string | undefined {
  try {
    const { mtimeNs, size, ino } = statSync(path, { bigint: true });
    return `${mtimeNs}/${size}/${ino}`;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
