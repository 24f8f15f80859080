import { createSecretKey, randomBytes } from 'node:crypto';
import { HeadgateError } from '../../errors.js';
import type { BatchKeys, DataKey } from '../batch-keys/batch-keys.js';
import { missingKeyError } from '../batch-keys/master-keyring.js';
import { keyIdOf, openSealedFile, sealFile } from '../batch-keys/sealed-file.js';
import type { BatchName } from '../../events/event.js';

/**
 * What a batch store does to a file between its callers, who see gzipped NDJSON, and its disk or bucket. References are of
 * the gzipped file, so that they hold whatever key it is sealed with, and whether it is sealed at all.
 */
export interface Seal {
  /** True when an engine cannot read the files as they are kept. */
  readonly hides: boolean;
  /** @throws HeadgateError `BATCH_KEY_MISSING`, `BATCH_KEY_WRONG` (retryable) */
  seal(name: BatchName, gzipped: Buffer): Promise<Buffer>;
  /**
   * A file that is not sealed is given back as it is.
   * @throws HeadgateError `BATCH_CORRUPT`, `TENANT_ERASED`; `BATCH_KEY_MISSING`, `BATCH_KEY_WRONG` (retryable)
   */
  open(name: BatchName, kept: Buffer): Promise<Buffer>;
}

/** Seals nothing, and knows what is sealed from what is damaged. */
export const UNSEALED: Seal = {
  hides: false,
  seal: (_name, gzipped) => Promise.resolve(gzipped),
  open: (_name, kept) =>
    keyIdOf(kept) === undefined ? Promise.resolve(kept) : Promise.reject(missingKeyError()),
};

/** Seals with the keys of tenants. Without a master key to seal with it only opens, and without any it does nothing. */
export function createSeal(keys: BatchKeys): Seal {
  if (!keys.opens) return { ...UNSEALED, seal: (_name, gzipped) => unlessSealed(keys, gzipped) };
  return {
    hides: true,
    seal: async (name, gzipped) =>
      keys.seals ? sealFile(await keyFor(keys, name), name, gzipped) : unlessSealed(keys, gzipped),
    open: async (name, kept) => {
      const id = keyIdOf(kept);
      if (id === undefined) return kept;
      const key = await keys.forOpening(name.tenant, id);
      const plain = key && openSealedFile(key, name, kept);
      if (plain !== undefined) return plain;
      const message = `Batch file ${name.batchId} is not what was sealed with a key of tenant ${name.tenant}.`;
      throw new HeadgateError('BATCH_CORRUPT', message);
    },
  };
}

/** A store that has been used with keys gets no plain file by a mistake. */
async function unlessSealed(keys: BatchKeys, gzipped: Buffer): Promise<Buffer> {
  await keys.check({ create: false });
  return gzipped;
}

/**
 * What still comes of a tenant that is erased is erased with it: sealed with a key that nobody keeps, so that its batches go
 * on, to where they are given up, and hold nobody up.
 */
async function keyFor(keys: BatchKeys, { tenant }: BatchName): Promise<DataKey> {
  try {
    return await keys.forSealing(tenant);
  } catch (error) {
    if (!(error instanceof HeadgateError && error.code === 'TENANT_ERASED')) throw error;
    return { id: '0'.repeat(16), key: createSecretKey(randomBytes(32)) };
  }
}
