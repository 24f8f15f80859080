import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  type KeyObject,
} from 'node:crypto';
import { HeadgateError } from '../errors.js';

/** What a webhook is signed with: a key of HMAC-SHA256 (`whsec_…`), or of ed25519 (`whsk_…`). */
export type SigningKey =
  { readonly kind: 'hmac'; readonly key: Buffer } | { readonly kind: 'ed25519'; readonly key: KeyObject };

/** PKCS #8 of an ed25519 key, up to its seed. See RFC 8410, section 7. */
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');
/** Keys that were accepted before are still used; new ones are measured by {@link MIN_NEW_HMAC_KEY_BYTES}. */
const MIN_HMAC_KEY_BYTES = 16;
/** Standard Webhooks asks for 24 to 64 bytes. */
const MIN_NEW_HMAC_KEY_BYTES = 24;
const MAX_NEW_HMAC_KEY_BYTES = 64;
const SEED_BYTES = 32;
/** A seed, and the public key behind it, as libsodium and Go write secret keys. */
const KEY_BYTES = 64;

/**
 * The key that a secret stands for.
 * @throws HeadgateError `SECRET_INVALID`, which does not tell the secret
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function signingKeyOf(secret: string): SigningKey {
  const [, kind, base64 = ''] = /^(whsec|whsk)_(.*)$/s.exec(secret) ?? [];
  const bytes = Buffer.from(base64, 'base64');
  if (kind === 'whsec' && bytes.length >= MIN_HMAC_KEY_BYTES) return { kind: 'hmac', key: bytes };
  if (kind === 'whsk' && (bytes.length === SEED_BYTES || bytes.length === KEY_BYTES))
    return { kind: 'ed25519', key: privateKeyOf(bytes) };
  throw new HeadgateError(
    'SECRET_INVALID',
    'A signing secret is "whsec_" and the base64 of at least 16 bytes, or "whsk_" and the base64 of an ed25519 secret key.',
    { retryable: true },
  );
}

/**
 * What keeps receivers from verifying by a secret that somebody is about to use, in words that do not tell it; undefined
 * where nothing does. Libraries of other languages refuse base64 that is not padded.
 */
export function newSecretProblem(secret: string): string | undefined {
  const [, kind, base64 = ''] = /^(whsec|whsk)_(.*)$/s.exec(secret) ?? [];
  if (kind === undefined) return 'begins with neither whsec_ nor whsk_';
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.toString('base64') !== base64) return 'is not base64 with its padding';
  if (kind === 'whsk') return ed25519Problem(bytes);
  if (bytes.length >= MIN_NEW_HMAC_KEY_BYTES && bytes.length <= MAX_NEW_HMAC_KEY_BYTES) return undefined;
  return `has ${bytes.length} bytes, not ${MIN_NEW_HMAC_KEY_BYTES} to ${MAX_NEW_HMAC_KEY_BYTES}; \`openssl rand -base64 32\` makes some`;
}

function ed25519Problem(bytes: Buffer): string | undefined {
  if (bytes.length === SEED_BYTES) return undefined;
  if (bytes.length !== KEY_BYTES)
    return `has ${bytes.length} bytes, not the 32 or 64 of an ed25519 secret key`;
  const { x = '' } = createPublicKey(privateKeyOf(bytes)).export({ format: 'jwk' });
  if (Buffer.from(x, 'base64url').equals(bytes.subarray(SEED_BYTES))) return undefined;
  return 'is not an ed25519 secret key: its second half is not the public key of its first';
}

function privateKeyOf(bytes: Buffer): KeyObject {
  const der = Buffer.concat([PKCS8_ED25519, bytes.subarray(0, SEED_BYTES)]);
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

/** A new random signing secret. */
export function makeSigningSecret(kind: SigningKey['kind']): string {
  if (kind === 'hmac') return `whsec_${randomBytes(32).toString('base64')}`;
  const { d = '', x = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  const bytes = Buffer.concat([d, x].map((part) => Buffer.from(part, 'base64url')));
  return `whsk_${bytes.toString('base64')}`;
}

/** What receivers verify by, where it is not the secret itself: the public key, `whpk_…`. */
export function verifyingKeyOf(secret: string): string | undefined {
  const signing = signingKeyOf(secret);
  if (signing.kind === 'hmac') return undefined;
  const { x = '' } = createPublicKey(signing.key).export({ format: 'jwk' });
  return `whpk_${Buffer.from(x, 'base64url').toString('base64')}`;
}
