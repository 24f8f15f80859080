import type { SecretReader } from '../../config.js';
import { HeadgateError } from '../../errors.js';
import { isLeftOut } from '../../tenants/config/left-out-secrets.js';
import { holdsSigningKey, storedNameOf } from '../../tenants/config/secret-reference.js';
import type { PushConfig } from '../../tenants/config/subscription-config.js';
import { createSigner, type Signer } from './sign.js';

/** What goes with every request to a webhook. */
export interface Credentials {
  readonly sign: Signer;
  /** Headers that are configured, in small letters. */
  readonly ownHeaders: Readonly<Record<string, string>>;
}

/**
 * The signer and the headers of a subscription, with what its tenant's file refers to.
 * @throws HeadgateError `SECRET_MISSING`: a variable is not set in this process, or a secret is not there; `SECRET_INVALID`: a secret cannot sign;
 * `SECRET_REFUSED`: a variable is not the tenant's, or a header would send a key that signs. All are retryable, and none tells a
 * secret.
 */
export function credentialsOf(tenant: string, config: PushConfig, secretOf: SecretReader): Credentials {
  const valuesOf = (reference: string): readonly string[] => {
    if (isLeftOut(reference)) throw leftOut();
    const found = secretOf(tenant, reference) ?? [];
    const values = typeof found === 'string' ? [found] : found;
    if (values.length === 0) throw missing(reference);
    return values;
  };
  if (isLeftOut(config.url)) throw leftOut();
  const own = Object.entries(config.headers).map(([name, reference]) => {
    // Receivers are to know the newest before it is put here.
    const [value = ''] = valuesOf(reference);
    if (!holdsSigningKey(value)) return [name.toLowerCase(), value];
    const message = `The header ${name} would send a key that signs webhooks: no header may.`;
    throw new HeadgateError('SECRET_REFUSED', message, { retryable: true });
  });
  return {
    sign: createSigner(config.secrets.flatMap(valuesOf)),
    ownHeaders: Object.fromEntries(own) as Record<string, string>,
  };
}

/** What is missing is a variable or a name, which is not a secret; its value would be. */
function missing(reference: string): HeadgateError {
  const name = storedNameOf(reference);
  const message =
    name === undefined
      ? `The variable of ${reference} is not set where workers run.`
      : `There is no secret ${name}: it was not made, or is revoked. \`headgate secret make\` makes it.`;
  return new HeadgateError('SECRET_MISSING', message, { retryable: true });
}

/** The key that such a text would be anybody could know. */
function leftOut(): HeadgateError {
  const message = 'The file of the tenant is a version without its secrets: put them in again.';
  return new HeadgateError('SECRET_INVALID', message, { retryable: true });
}
