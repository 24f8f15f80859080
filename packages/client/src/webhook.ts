import { createHmac, createPublicKey, timingSafeEqual, verify } from 'node:crypto';
import { HeadgateError } from './error.js';

/** Headers of a request, as Node's `http` or `fetch` gives them. */
export type WebhookHeaders = Headers | Readonly<Record<string, string | readonly string[] | undefined>>;

/** How to verify. */
export interface VerifyOptions {
  /** How old, or how far ahead, a request may be. Default 300. */
  readonly toleranceSeconds?: number;
}

/** What is before the 32 bytes of a public key, and before a shared secret, which may go without. */
const PUBLIC_KEY = 'whpk_';
const SHARED_SECRET = 'whsec_';
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
/** As for those who sign: a shorter one is a mistake. */
const MIN_SECRET_BYTES = 16;

/**
 * Verifies a webhook by the Standard Webhooks specification, and returns its JSON. The receiver still has to drop
 * repetitions: they have the same `webhook-id`.
 * @param headers those of the request; a value may be an array, as frameworks give repeated headers
 * @param body the body as it came, text or UTF-8; JSON that was parsed and written again is not the same
 * @param secrets `whsec_…` (HMAC-SHA256) or `whpk_…` (ed25519 public key); one that fits is enough, so that secrets can be rotated
 * @throws HeadgateError `SIGNATURE_INVALID`: a header is missing or ambiguous, the time is off, or no signature fits;
 *   `SECRET_INVALID`: a secret is not base64, whatever came; `BODY_MALFORMED`: what was signed is not JSON
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function verifyWebhook(
  headers: WebhookHeaders,
  body: string | Uint8Array,
  secrets: string | readonly string[],
  { toleranceSeconds = 300 }: VerifyOptions = {},
): unknown {
  const signers = [secrets].flat().map(signerOf);
  const id = single(headers, 'webhook-id');
  const sentAt = single(headers, 'webhook-timestamp');
  const signatures = valuesOf(headers, 'webhook-signature').flatMap((value) => value.split(' '));
  const seconds = /^\d{1,12}$/.test(sentAt) ? Number(sentAt) : NaN;
  // Also false for NaN.
  if (!(Math.abs(Date.now() / 1000 - seconds) <= toleranceSeconds))
    throw invalid('The time of the webhook is too far from now.');
  const bytes = Buffer.from(body);
  const content = Buffer.concat([Buffer.from(`${id}.${seconds}.`), bytes]);
  if (!signers.some((fits) => fits(content, signatures)))
    throw invalid('No signature of the webhook fits a secret.');
  return parse(bytes.toString('utf8'));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new HeadgateError('BODY_MALFORMED', 'The body of the webhook is not JSON.', { cause: error });
  }
}

/** Whether one of the signatures is right for what was signed: id, time and body. */
type Signer = (content: Buffer, signatures: readonly string[]) => boolean;

/** Reads a secret, whose text stays out of the error. */
function signerOf(secret: string): Signer {
  try {
    return secret.startsWith(PUBLIC_KEY) ? publicKeySigner(secret) : sharedSecretSigner(secret);
  } catch (error) {
    const message = 'A secret of the webhook is not `whsec_` or `whpk_` and the base64 of a key.';
    throw new HeadgateError('SECRET_INVALID', message, { cause: error });
  }
}

function sharedSecretSigner(secret: string): Signer {
  const key = keyBytes(secret.startsWith(SHARED_SECRET) ? secret.slice(SHARED_SECRET.length) : secret);
  if (key.length < MIN_SECRET_BYTES) throw new Error('too short');
  return (content, signatures) => {
    const expected = `v1,${createHmac('sha256', key).update(content).digest('base64')}`;
    return signatures.some((each) => isSame(each, expected));
  };
}

function publicKeySigner(secret: string): Signer {
  const x = keyBytes(secret.slice(PUBLIC_KEY.length)).toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  return (content, signatures) =>
    signatures.some(
      (each) => each.startsWith('v1a,') && verify(null, content, key, Buffer.from(each.slice(4), 'base64')),
    );
}

/** Strictly: Node leaves out what is not base64, and goes on with another key. */
function keyBytes(text: string): Buffer {
  if (!BASE64.test(text)) throw new Error('not base64');
  return Buffer.from(text, 'base64');
}

function isSame(given: string, expected: string): boolean {
  const [left, right] = [Buffer.from(given), Buffer.from(expected)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** Signed ones must be there once: of two, the sender has signed one, and the receiver might read the other. */
function single(headers: WebhookHeaders, name: string): string {
  const [value = '', ...more] = valuesOf(headers, name);
  if (more.length > 0) throw invalid(`The header ${name} comes more than once.`);
  return value;
}

function valuesOf(headers: WebhookHeaders, name: string): string[] {
  const found =
    headers instanceof Headers
      ? [headers.get(name)]
      : Object.entries(headers).flatMap(([key, value]) => (key.toLowerCase() === name ? value : []));
  const values = found.filter((value) => typeof value === 'string' && value !== '') as string[];
  if (values.length > 0) return values;
  throw invalid(`The header ${name} is missing.`);
}

function invalid(message: string): HeadgateError {
  return new HeadgateError('SIGNATURE_INVALID', message);
}
