import { createPublicKey, verify, type KeyObject } from 'node:crypto';
import { HeadgateError } from '../errors.js';
import { signingKeyOf } from '../tenants/signing-secret.js';
import { fitsHmac } from './hmac.js';
import { headerOf, secondsIn } from './headers.js';
import type { Claim, NoClaim, SentRequest } from './verification.js';

/** Signatures that one request may have; more are not looked at. */
const MOST_SIGNATURES = 10;
const PUBLIC_KEY = 'whpk_';
const PUBLIC_KEY_BYTES = 32;

/**
 * Reads a request as the Standard Webhooks specification has it: `v1` is HMAC-SHA256 (`whsec_…`, or its base64 alone),
 * `v1a` ed25519 (`whpk_…`, or `whsk_…`, whose public key is used).
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function claimOfStandard({ headers, body }: SentRequest): Claim | NoClaim {
  const [id, time, signature] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) =>
    headerOf(headers, name),
  );
  const seconds = secondsIn(time ?? '');
  if (id === undefined || signature === undefined || seconds === undefined)
    return { problem: 'The headers webhook-id, webhook-timestamp and webhook-signature are not all there.' };
  const content = Buffer.concat([Buffer.from(`${id}.${time}.`), body]);
  const all = signature.split(' ', MOST_SIGNATURES);
  const of = (version: string): string[] =>
    all.flatMap((each) => (each.startsWith(version) ? each.slice(version.length) : []));
  const signed = { content, signatures: of('v1,'), algorithm: 'sha256', encoding: 'base64' } as const;
  return {
    content,
    sentAt: seconds * 1000,
    fits: (secret) => {
      const key = keyOf(secret);
      if (Buffer.isBuffer(key)) return fitsHmac(signed, key);
      return of('v1a,').some((each) => verify(null, content, key, Buffer.from(each, 'base64')));
    },
  };
}

function keyOf(secret: string): Buffer | KeyObject {
  if (secret.startsWith(PUBLIC_KEY)) return publicKeyOf(secret.slice(PUBLIC_KEY.length));
  const signing = signingKeyOf(/^wh(sec|sk)_/.test(secret) ? secret : `whsec_${secret}`);
  return signing.kind === 'hmac' ? signing.key : createPublicKey(signing.key);
}

function publicKeyOf(base64: string): KeyObject {
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.length !== PUBLIC_KEY_BYTES)
    throw new HeadgateError('SECRET_INVALID', 'A public key is "whpk_" and the base64 of 32 bytes.');
  const key = { kty: 'OKP', crv: 'Ed25519', x: bytes.toString('base64url') };
  return createPublicKey({ key, format: 'jwk' });
}
