import { createSecretKey } from 'node:crypto';
import { join } from 'node:path';
import { HeadgateError } from '../../errors.js';
import { assertTenantId } from '../../tenants/ids.js';
import type { Overlapping } from '../../tenants/overlap.js';
import { decrypt, encrypt } from '../batch-keys/gcm.js';
import type { WrappedKey } from '../batch-keys/key-file.js';
import type { MasterKeyring } from '../batch-keys/master-keyring.js';

/** What a secret is for: to sign webhooks by HMAC-SHA256 or ed25519, or as the value of a header. */
export const SECRET_KINDS = ['hmac', 'ed25519', 'text'] as const;

/** One of {@link SECRET_KINDS}. */
export type SecretKind = (typeof SECRET_KINDS)[number];

/** A value of a secret, encrypted, and what may be known of it. */
export interface SealedValue extends Overlapping {
  /** No two of a tenant have the same. */
  readonly id: number;
  /** The key that it is encrypted with, by its id. */
  readonly key: string;
  /** Base64. */
  readonly sealed: string;
  /** ISO 8601, UTC. */
  readonly madeAt: string;
  readonly by: string;
  /** Of a key pair: what receivers verify by. */
  readonly publicKey?: string;
}

/** A secret of a tenant. */
export interface KeptSecret {
  readonly kind: SecretKind;
  /** The newest first; those before are valid for an overlap. */
  readonly values: readonly SealedValue[];
}

/** The secrets of a tenant. */
export interface SecretFile {
  /** Wrapped by the master key, for this tenant alone. The last one encrypts. */
  readonly keys: readonly WrappedKey[];
  /** Values that were made, which are their ids. */
  readonly made: number;
  readonly secrets: Readonly<Record<string, KeptSecret>>;
}

/** Of a tenant that has none. */
export const NO_SECRETS: SecretFile = { keys: [], made: 0, secrets: {} };

/** Where a tenant's secrets are. */
export function secretPath(dir: string, tenant: string): string {
  return join(dir, assertTenantId(tenant), 'secrets.json');
}

/** @throws HeadgateError `BATCH_KEY_WRONG` (retryable): it is damaged; it may be put back */
export function decodeSecretFile(tenant: string, text: string | undefined): SecretFile {
  if (text === undefined) return NO_SECRETS;
  try {
    const { keys, made, secrets } = JSON.parse(text) as Partial<SecretFile>;
    if (Array.isArray(keys) && Number.isSafeInteger(made) && typeof secrets === 'object')
      return { keys, made: made!, secrets };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw damaged(tenant);
}

/** The text of a file. */
export function encodeSecretFile(file: SecretFile): string {
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

/** A value that is new, and may be known before it is encrypted. */
export type NewValue = Pick<SealedValue, 'by' | 'publicKey'> & { readonly value: string };

/**
 * A file with one value more of a secret, which is its newest.
 * @throws HeadgateError `BATCH_KEY_MISSING`, `BATCH_KEY_WRONG`
 */
export function withValue(
  file: SecretFile,
  masters: MasterKeyring,
  { tenant, name, kind }: { readonly tenant: string; readonly name: string; readonly kind: SecretKind },
  { value, ...known }: NewValue,
): SecretFile {
  const keys = file.keys.length > 0 ? file.keys : [masters.newKey({ tenant })];
  const wrapped = keys.at(-1)!;
  const id = file.made + 1;
  const key = createSecretKey(masters.unwrap({ tenant }, wrapped));
  const sealed = encrypt(key, Buffer.from(value), contextOf(tenant, name, id)).toString('base64');
  const made: SealedValue = { id, key: wrapped.id, sealed, madeAt: new Date().toISOString(), ...known };
  const values = [made, ...(file.secrets[name]?.values ?? [])];
  return { keys, made: id, secrets: { ...file.secrets, [name]: { kind, values } } };
}

/**
 * Decrypts a value.
 * @throws HeadgateError `BATCH_KEY_MISSING`, `BATCH_KEY_WRONG` (both retryable)
 */
export function openValue(
  { keys }: SecretFile,
  masters: MasterKeyring,
  { tenant, name }: { readonly tenant: string; readonly name: string },
  { id, key, sealed }: SealedValue,
): string {
  if (!masters.opens) throw withoutMasterKey();
  const wrapped = keys.find((each) => each.id === key);
  const opened =
    wrapped &&
    decrypt(
      createSecretKey(masters.unwrap({ tenant }, wrapped)),
      Buffer.from(sealed, 'base64'),
      contextOf(tenant, name, id),
    );
  if (opened === undefined) throw damaged(tenant);
  return opened.toString('utf8');
}

/** What is thrown where secrets are to be encrypted or decrypted, and there is no key for it. */
export function withoutMasterKey(): HeadgateError {
  const message =
    'Secrets are encrypted with the master key, and this process has none: set HEADGATE_BATCH_KEY for every process, and start them again.';
  return new HeadgateError('BATCH_KEY_MISSING', message, { retryable: true, retryAfterSeconds: 60 });
}

/** A value opens in no other place. */
function contextOf(tenant: string, name: string, id: number): Buffer {
  return Buffer.from(`headgate secret ${tenant}/${name}/${id}`);
}

function damaged(tenant: string): HeadgateError {
  const message = `The secrets of ${tenant} are damaged, or not where they belong: put their file back from a backup, or make them again.`;
  return new HeadgateError('BATCH_KEY_WRONG', message, { retryable: true });
}
