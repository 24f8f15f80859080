import { HeadgateError } from '../errors.js';
import type { SecretKind } from '../stores/secrets/secret-file.js';
import { holdsSigningKey } from '../tenants/config/secret-reference.js';
import { newSecretProblem } from '../tenants/signing-secret.js';

/** How a signing secret of each kind begins. */
const PREFIX = { hmac: 'whsec_', ed25519: 'whsk_' } as const;

/** What a header may carry: visible characters, and spaces between them. RFC 9110, 5.5. */
const HEADER_VALUE = /^[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?$/;

/**
 * Asserts that a value can be what its secret is for.
 * @throws HeadgateError `SECRET_INVALID`, which does not tell the value
 */
export function assertGivenValue(kind: SecretKind, value: string | undefined): asserts value is string {
  const problem = value === undefined ? 'is missing: a text is not made, but given' : problemOf(kind, value);
  if (problem !== undefined) throw new HeadgateError('SECRET_INVALID', `The value ${problem}.`);
}

function problemOf(kind: SecretKind, value: string): string | undefined {
  if (kind !== 'text')
    return value.startsWith(PREFIX[kind]) ? newSecretProblem(value) : `does not begin with ${PREFIX[kind]}`;
  if (holdsSigningKey(value)) return 'has a key that signs webhooks, which may not be sent in a header';
  return HEADER_VALUE.test(value) ? undefined : 'cannot be the value of a header';
}
