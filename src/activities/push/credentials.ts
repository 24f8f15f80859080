import type { SecretReader } from '../../config.js';
import { HeadgateError } from '../../errors.js';
import { isLeftOut } from '../../tenants/config/left-out-secrets.js';
import { holdsSigningKey } from '../../tenants/config/secret-reference.js';
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
 * @throws HeadgateError `SECRET_MISSING`: a variable is not set in this process; `SECRET_INVALID`: a secret cannot sign;
 * `SECRET_REFUSED`: a variable is not the tenant's, or a header would send a key that signs. All are retryable, and none tells a
 * secret.
 */
export function credentialsOf(tenant: string, config: PushConfig, secretOf: SecretReader): Credentials {
  const valueOf = (reference: string): string => {
    if (isLeftOut(reference)) throw leftOut();
    const value = secretOf(tenant, reference);
    if (value !== undefined) return value;
    // What is missing is a variable, which is not a secret; its value would be.
    const message = `The variable of ${reference} is not set where workers run.`;
    throw new HeadgateError('SECRET_MISSING', message, { retryable: true });
  };
  if (isLeftOut(config.url)) throw leftOut();
  const own = Object.entries(config.headers).map(([name, reference]) => {
    const value = valueOf(reference);
    if (!holdsSigningKey(value)) return [name.toLowerCase(), value];
    const message = `The header ${name} would send a key that signs webhooks: no header may.`;
    throw new HeadgateError('SECRET_REFUSED', message, { retryable: true });
  });
  return {
    sign: createSigner(config.secrets.map(valueOf)),
    ownHeaders: Object.fromEntries(own) as Record<string, string>,
  };
}

/** The key that such a text would be anybody could know. */
function leftOut(): HeadgateError {
  const message = 'The file of the tenant is a version without its secrets: put them in again.';
  return new HeadgateError('SECRET_INVALID', message, { retryable: true });
}
