import { createHmac, createPrivateKey, sign, type KeyObject } from 'node:crypto';
import { HeadgateError } from '../../errors.js';
import type { Stream } from '../../event.js';
import { eventDigest, type Identified } from '../../event-identity.js';

/** The headers of a signed request. `webhook-signature` is absent where there is no secret. */
export interface WebhookHeaders {
  readonly 'webhook-id': string;
  /** Seconds since the epoch: when this attempt is made. */
  readonly 'webhook-timestamp': string;
  /** One signature per secret, separated by spaces. */
  readonly 'webhook-signature'?: string;
}

/**
 * Signs a request.
 * @param at when it is made, milliseconds since the epoch
 */
export type Signer = (id: string, at: number, body: string) => WebhookHeaders;

/** Signs `<id>.<timestamp>.<body>`; gives the signature with its version. */
type Signature = (content: string) => string;

/** PKCS #8 of an ed25519 key, up to its seed. See RFC 8410, section 7. */
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');
/** Shorter ones are mistakes: the specification asks for 24. */
const MIN_HMAC_KEY_BYTES = 16;
const SEED_BYTES = 32;
/** A seed, and the public key behind it, as libsodium and Go write secret keys. */
const KEY_BYTES = 64;

/**
 * Builds the signer of a subscription: every secret signs, so that receivers may verify with the old or the new one while
 * a secret is rotated. `whsec_…` is a key of HMAC-SHA256 (`v1`), `whsk_…` an ed25519 secret key (`v1a`).
 * @throws HeadgateError `SECRET_INVALID`, which does not tell the secret
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function createSigner(secrets: readonly string[]): Signer {
  const signatures = secrets.map(signatureBy);
  return (id, at, body) => {
    const timestamp = String(Math.floor(at / 1000));
    const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp };
    if (signatures.length === 0) return headers;
    const content = `${id}.${timestamp}.${body}`;
    return { ...headers, 'webhook-signature': signatures.map((by) => by(content)).join(' ') };
  };
}

/**
 * The webhook id of a request: the same whenever it is of the same events in the same order, and of no others. It stands
 * for tenant, stream, source and id, which the body has: a digest of them, since signatures join id, time and body by full
 * stops, and one in an id, which a producer may choose, would leave open where it ends.
 * @param format `batch` where the body is an array, of however many events
 */
export function webhookIdOf(
  { tenant, stream }: { readonly tenant: string; readonly stream: Stream },
  format: 'event' | 'batch',
  events: readonly Identified[],
): string {
  return `${format}_${eventDigest(tenant, stream, events)}`;
}

function signatureBy(secret: string): Signature {
  try {
    if (secret.startsWith('whsk_')) return ed25519(secret.slice('whsk_'.length));
    if (secret.startsWith('whsec_')) return hmac(secret.slice('whsec_'.length));
  } catch {
    // Its reason could tell something of the secret.
  }
  throw new HeadgateError(
    'SECRET_INVALID',
    'A signing secret is "whsec_" and the base64 of at least 16 bytes, or "whsk_" and the base64 of an ed25519 secret key.',
    { retryable: true },
  );
}

/** By Node and not by the package `standardwebhooks`, whose SHA-256 in JavaScript takes 4.5 ms for 100 KB. */
function hmac(base64: string): Signature {
  const key = Buffer.from(base64, 'base64');
  if (key.length < MIN_HMAC_KEY_BYTES) throw new Error('too short');
  return (content) => `v1,${createHmac('sha256', key).update(content).digest('base64')}`;
}

function ed25519(base64: string): Signature {
  const raw = Buffer.from(base64, 'base64');
  if (raw.length !== SEED_BYTES && raw.length !== KEY_BYTES) throw new Error('wrong length');
  const seed = raw.subarray(0, SEED_BYTES);
  const key: KeyObject = createPrivateKey({
    key: Buffer.concat([PKCS8_ED25519, seed]),
    format: 'der',
    type: 'pkcs8',
  });
  return (content) => `v1a,${sign(null, Buffer.from(content), key).toString('base64')}`;
}
