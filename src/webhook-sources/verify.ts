import { claimOf } from './claims.js';
import type { NoClaim, SentRequest, Verification } from './verification.js';

/** What a request has to keep to. */
export interface VerifyOptions {
  /** All that are valid now, as while one is rotated: one that fits is enough. */
  readonly secrets: readonly string[];
  /** How far the time that was signed may be from now, in milliseconds. */
  readonly toleranceMs: number;
  readonly now: number;
}

/** What was proved: the octets that were signed. */
export interface Verified {
  readonly content: Buffer;
}

/**
 * Verifies that a request is of the source's sender. Every secret is tried, and a time is looked at only once its
 * signature is known to be right, so the answer says nothing of the secrets to somebody who guesses.
 * @throws HeadgateError `SECRET_INVALID`: a secret is not one of this kind
 */
export function verifyRequest(
  verification: Verification,
  request: SentRequest,
  { secrets, toleranceMs, now }: VerifyOptions,
): Verified | NoClaim {
  const claim = claimOf(verification, request);
  if ('problem' in claim) return claim;
  let fits = false;
  for (const secret of secrets) if (claim.fits(secret)) fits = true;
  if (!fits) return { problem: 'What the request is signed with is not a secret of this source.' };
  const { content, sentAt } = claim;
  if (sentAt === undefined || Math.abs(now - sentAt) <= toleranceMs) return { content };
  return { problem: 'The request is signed for a time that is too far from now.' };
}
