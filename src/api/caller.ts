import type { JWTPayload } from 'jose';
import { HeadgateError } from '../errors.js';
import { isTenantId } from '../tenants/ids.js';
import type { Source } from '../sources/write-keys.js';
import { OPERATOR_SCOPES } from './scopes.js';

/** Which tenants something is about. */
export interface Reach {
  includes(tenant: string): boolean;
}

/** Who is calling, as the verified token or the write key says. */
export interface Caller {
  readonly role: 'tenant' | 'operator';
  /** The tenant whose token it is; an operator has none. */
  readonly tenant?: string;
  /** Who it is: the claim `sub`, or `unnamed` in a token without one. Kept with what the caller changes. */
  readonly subject: string;
  readonly scopes: ReadonlySet<string>;
  /** A tenant reaches itself; an operator the tenants of its token, or all. */
  readonly reach: Reach;
  /** The source whose write key it sent; absent for what sent a token. */
  readonly source?: Source;
}

/** Tenants that an operator's token may list. */
export const MOST_TENANTS = 1_000;

/** Reaches these tenants alone. */
export function reachOf(tenants: readonly string[]): Reach {
  const all = new Set(tenants);
  return { includes: (tenant) => all.has(tenant) };
}

const EVERYWHERE: Reach = { includes: () => true };

/**
 * Reads who is calling from the claims of a token: `tenant`, or `role: "operator"` with or without `tenants`.
 * @throws HeadgateError `TOKEN_INVALID`
 */
export function callerIn({ tenant, role, tenants, scope, sub }: JWTPayload): Caller {
  const scopes = new Set((typeof scope === 'string' ? scope : '').split(' ').filter(Boolean));
  const subject = typeof sub === 'string' ? sub.slice(0, 200) : 'unnamed';
  if (role === 'operator') {
    if (tenant !== undefined)
      throw invalid('The token has the claim "tenant" and the role "operator"; it may have one of them.');
    return { role, subject, scopes, reach: tenants === undefined ? EVERYWHERE : listed(tenants) };
  }
  // Issuers have roles of their own: beside a tenant they say nothing here.
  if (tenant === undefined)
    throw invalid('The token has neither the claim "tenant" nor the role "operator".');
  if (!isTenantId(tenant)) throw invalid('The claim "tenant" is not a tenant id.');
  // What is for operators alone no tenant's token has, whatever its issuer wrote into it.
  for (const scope of OPERATOR_SCOPES) scopes.delete(scope);
  return { role: 'tenant', tenant, subject, scopes, reach: reachOf([tenant]) };
}

function listed(tenants: unknown): Reach {
  if (!Array.isArray(tenants) || tenants.length === 0 || tenants.length > MOST_TENANTS)
    throw invalid(`The claim "tenants" is not a list of 1 to ${MOST_TENANTS} tenant ids.`);
  if (!tenants.every(isTenantId)) throw invalid('An entry of the claim "tenants" is not a tenant id.');
  return reachOf(tenants);
}

function invalid(message: string): HeadgateError {
  return new HeadgateError('TOKEN_INVALID', message);
}
