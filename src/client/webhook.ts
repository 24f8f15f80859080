import { createPublicKey, timingSafeEqual, verify, type KeyObject } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { HeadgateError } from '../errors.js';

/** Headers of a request, as Node's `http` or `fetch` gives them. */
export type WebhookHeaders = Headers | Readonly<Record<string, string | readonly string[] | undefined>>;

/** How to verify. */
export interface VerifyOptions {
  /** How old, or how far ahead, a request may be. Default 300. */
  readonly toleranceSeconds?: number;
}

/** What is before the 32 bytes of a public key. */
const PUBLIC_KEY = 'whpk_';

/**
 * Verifies a webhook by the Standard Webhooks specification, and returns its JSON. The receiver still has to drop
 * repetitions: they have the same `webhook-id`.
 * @param body the body as it came; JSON that was parsed and written again is not the same
 * @param secrets `whsec_…` (HMAC-SHA256) or `whpk_…` (ed25519 public key); one that fits is enough, so that secrets can be rotated
 * @throws HeadgateError `SIGNATURE_INVALID`: a header is missing, the time is off, or no signature fits
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function verifyWebhook(
  headers: WebhookHeaders,
  body: string | Buffer,
  secrets: string | readonly string[],
  { toleranceSeconds = 300 }: VerifyOptions = {},
): unknown {
  const id = header(headers, 'webhook-id');
  const sentAt = header(headers, 'webhook-timestamp');
  const signatures = header(headers, 'webhook-signature').split(' ');
  const seconds = /^\d{1,12}$/.test(sentAt) ? Number(sentAt) : NaN;
  // Also false for NaN.
  if (!(Math.abs(Date.now() / 1000 - seconds) <= toleranceSeconds))
    throw invalid('The time of the webhook is too far from now.');
  const text = body.toString();
  const all = typeof secrets === 'string' ? [secrets] : secrets;
  if (!all.some((secret) => fits(secret, { id, seconds, text }, signatures)))
    throw invalid('No signature of the webhook fits a secret.');
  return JSON.parse(text);
}

interface Signed {
  readonly id: string;
  readonly seconds: number;
  readonly text: string;
}

function fits(secret: string, signed: Signed, signatures: readonly string[]): boolean {
  if (!secret.startsWith(PUBLIC_KEY)) {
    const expected = new Webhook(secret).sign(signed.id, new Date(signed.seconds * 1000), signed.text);
    return signatures.some((each) => isSame(each, expected));
  }
  const key = publicKey(secret);
  const content = Buffer.from(`${signed.id}.${signed.seconds}.${signed.text}`);
  return signatures.some(
    (each) => each.startsWith('v1a,') && verify(null, content, key, Buffer.from(each.slice(4), 'base64')),
  );
}

function publicKey(secret: string): KeyObject {
  const x = Buffer.from(secret.slice(PUBLIC_KEY.length), 'base64').toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
}

function isSame(given: string, expected: string): boolean {
  const [left, right] = [Buffer.from(given), Buffer.from(expected)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function header(headers: WebhookHeaders, name: string): string {
  const value = headers instanceof Headers ? headers.get(name) : valueOf(headers, name);
  if (typeof value === 'string' && value !== '') return value;
  throw invalid(`The header ${name} is missing.`);
}

function valueOf(headers: Exclude<WebhookHeaders, Headers>, name: string): unknown {
  return Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
}

function invalid(message: string): HeadgateError {
  return new HeadgateError('SIGNATURE_INVALID', message);
}
