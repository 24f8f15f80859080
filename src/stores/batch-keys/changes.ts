import { HeadgateError } from '../../errors.js';
import { erasedError } from './batch-keys.js';
import { decodeKeyFile, encodeKeyFile, type KeyFile, type KeyFiles, type KeyOwner } from './key-file.js';
import type { MasterKeyring } from './master-keyring.js';

const MAX_RACES = 5;

/**
 * Gives a tenant a new key, which seals what is written from now on, in other processes within a minute. The ones before go on opening what they have sealed.
 * @throws HeadgateError `TENANT_ERASED`, `BATCH_KEY_MISSING`
 */
export async function rotateKey(files: KeyFiles, masters: MasterKeyring, tenant: string): Promise<KeyFile> {
  return changeKeys(files, { tenant }, (kept) => {
    if (kept?.erasedAt !== undefined) throw erasedError(tenant, kept);
    return { keys: [...(kept?.keys ?? []), masters.newKey({ tenant })] };
  });
}

/** What {@link rewrapKeys} has found and done. */
export interface Rewrapped {
  /** Tenants that have keys. */
  readonly tenants: number;
  /** Those of them whose keys the current master key had not wrapped. */
  readonly changed: number;
}

/**
 * Wraps the keys of all tenants by the current master key, and the deployment's own last: from then on no process starts
 * that has only the previous one. No batch file is read or written. May be run again.
 * @throws HeadgateError `BATCH_KEY_MISSING`, `BATCH_KEY_WRONG`
 */
export async function rewrapKeys(files: KeyFiles, masters: MasterKeyring): Promise<Rewrapped> {
  let [tenants, changed] = [0, 0];
  const rewrap = (owner: KeyOwner): Promise<boolean> => rewrapFile(files, masters, owner);
  for await (const tenant of files.tenants()) {
    if ((await files.read({ tenant })) === undefined) continue;
    tenants++;
    if (await rewrap({ tenant })) changed++;
  }
  await rewrap('deployment');
  return { tenants, changed };
}

async function rewrapFile(files: KeyFiles, masters: MasterKeyring, owner: KeyOwner): Promise<boolean> {
  let changed = false;
  await changeKeys(files, owner, (kept) => {
    const keys = kept?.keys.map((key) => masters.rewrap(owner, key)) ?? [];
    changed = kept !== undefined && keys.some((key, index) => key !== kept.keys[index]);
    if (changed) return { ...kept, keys };
    return kept ?? { keys: [masters.newKey(owner)] };
  });
  return changed;
}

/**
 * Replaces a key file by what is made of it; by nothing, if that is the same object.
 * @throws HeadgateError `STATE_CONFLICT` (retryable)
 */
export async function changeKeys(
  files: KeyFiles,
  owner: KeyOwner,
  make: (kept: KeyFile | undefined) => KeyFile,
): Promise<KeyFile> {
  for (let races = 0; races < MAX_RACES; races++) {
    const version = await files.readVersion(owner);
    const kept = version && decodeKeyFile(owner, version.bytes);
    const made = make(kept);
    if (made === kept) return made;
    const bytes = encodeKeyFile(made);
    const done =
      version === undefined
        ? await files.create(owner, bytes)
        : await files.replace(owner, bytes, version.version);
    if (done) return made;
  }
  const message = 'Other processes change the same keys; try again.';
  throw new HeadgateError('STATE_CONFLICT', message, { retryable: true });
}
