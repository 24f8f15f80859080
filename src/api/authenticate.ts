import type { Context } from 'koa';
import { errors, jwtVerify, type JWTVerifyGetKey } from 'jose';
import { LRUCache } from 'lru-cache';
import { HeadgateError } from '../errors.js';
import { isTenantId } from '../tenant.js';
import type { Scope } from './scopes.js';

/** Who is calling, as the verified token says. The only source of a request's tenant. */
export interface Caller {
  readonly tenant: string;
  /** Who it is: the claim `sub`, or `unnamed` in a token without one. Kept with what the caller changes. */
  readonly subject: string;
  readonly scopes: ReadonlySet<string>;
}

/** What {@link createAuthenticator} needs. */
export interface AuthenticatorOptions {
  /** Finds the public key of a token: a local key set or a JWKS URL, by jose. */
  readonly keys: JWTVerifyGetKey;
  readonly issuer: string;
  readonly audience: string;
  /** Whether a tenant is configured, and not suspended. */
  readonly standingOf: (tenant: string) => 'active' | 'suspended' | 'unknown';
}

/** Verifies the `Authorization` header's value. */
export type Authenticator = (authorization: string | undefined) => Promise<Caller>;

/** Pinned: neither `none` nor HMAC can be slipped in. @see RFC 8725 section 3.1 */
const ALGORITHMS = ['EdDSA', 'Ed25519', 'ES256', 'RS256'];
/** Verified tokens kept; each takes about a kilobyte. */
const MAX_CACHED = 10_000;
/** A key that is withdrawn from the set stops working within this time. */
const MAX_CACHED_MS = 5 * 60 * 1000;

interface Verified {
  readonly caller: Caller;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/**
 * Builds the verification of bearer tokens: signature, algorithm, issuer, audience, expiry, and the claims `tenant`
 * (string) and `scope` (space-separated). Verified tokens are cached until they expire, five minutes at most.
 * The authenticator throws HeadgateError `TOKEN_MISSING`, `TOKEN_INVALID`, `TOKEN_EXPIRED`, `TENANT_UNKNOWN`, `TENANT_SUSPENDED`;
 * `ENGINE_UNAVAILABLE` when the keys cannot be fetched.
 */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const cache = new LRUCache<string, Verified>({ max: MAX_CACHED, ttl: MAX_CACHED_MS });

  return async (authorization) => {
    const token = bearerToken(authorization);
    let verified = cache.get(token);
    if (verified === undefined) {
      verified = await verify(token, options);
      cache.set(token, verified);
    }
    if (verified.expiresAt <= Date.now())
      throw new HeadgateError('TOKEN_EXPIRED', 'The token has expired; get a new one.');
    const standing = options.standingOf(verified.caller.tenant);
    if (standing === 'unknown')
      throw new HeadgateError('TENANT_UNKNOWN', `Tenant ${verified.caller.tenant} is not configured here.`);
    if (standing === 'suspended')
      throw new HeadgateError('TENANT_SUSPENDED', `Tenant ${verified.caller.tenant} is suspended.`);
    return verified.caller;
  };
}

/**
 * What a token without `scope` or `admin` is answered, `SCOPE_MISSING`; undefined for one that has it.
 * @param name of the one thing that `<scope>:<name>` is enough for
 */
export function lackOf({ scopes }: Caller, scope: Scope, name?: string): HeadgateError | undefined {
  const enough = [scope, 'admin', ...(name === undefined ? [] : [`${scope}:${name}`])];
  if (enough.some((each) => scopes.has(each))) return undefined;
  return new HeadgateError('SCOPE_MISSING', `The token lacks the scope "${scope}".`);
}

/** The caller a route runs for; set by the guard before it. */
export function callerOf(ctx: Context): Caller {
  return ctx.state.caller as Caller;
}

function bearerToken(authorization: string | undefined): string {
  const match = /^Bearer +([^\s]+)$/i.exec(authorization ?? '');
  if (match?.[1] !== undefined) return match[1];
  throw new HeadgateError(
    'TOKEN_MISSING',
    'Send a token: "Authorization: Bearer <token>". `headgate token` makes one for development.',
  );
}

async function verify(token: string, { keys, issuer, audience }: AuthenticatorOptions): Promise<Verified> {
  try {
    const { payload } = await jwtVerify(token, blamed(keys), {
      issuer,
      audience,
      algorithms: ALGORITHMS,
      requiredClaims: ['exp', 'tenant'],
    });
    if (!isTenantId(payload.tenant))
      throw new HeadgateError('TOKEN_INVALID', 'The claim "tenant" is not a tenant id.');
    const scope = typeof payload.scope === 'string' ? payload.scope : '';
    const subject = typeof payload.sub === 'string' ? payload.sub.slice(0, 200) : 'unnamed';
    const caller = { tenant: payload.tenant, subject, scopes: new Set(scope.split(' ').filter(Boolean)) };
    return { caller, expiresAt: (payload.exp ?? 0) * 1000 };
  } catch (error) {
    throw tokenError(error);
  }
}

function tokenError(error: unknown): HeadgateError {
  if (error instanceof HeadgateError) return error;
  if (error instanceof errors.JWTExpired)
    return new HeadgateError('TOKEN_EXPIRED', 'The token has expired; get a new one.', { cause: error });
  if (error instanceof errors.JWTClaimValidationFailed) {
    return new HeadgateError('TOKEN_INVALID', `The claim "${error.claim}" is missing or wrong.`, {
      cause: error,
    });
  }
  if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported) {
    return new HeadgateError('TOKEN_INVALID', 'The token must be signed with EdDSA, ES256 or RS256.', {
      cause: error,
    });
  }
  if (error instanceof errors.JOSEError || error instanceof TypeError) {
    return new HeadgateError(
      'TOKEN_INVALID',
      'The token is not one of ours: its form or signature is wrong.',
      { cause: error },
    );
  }
  return keysUnavailable(error);
}

/** Failures of the look-up that are the token's; any other means that the keys could not be had. */
const FAULTS_OF_TOKEN = [
  errors.JWKSNoMatchingKey,
  errors.JWKSMultipleMatchingKeys,
  errors.JOSENotSupported,
] as const;

/** Tells the two apart while it is known: to a client a bad token means "give up", missing keys "come back". */
function blamed(keys: JWTVerifyGetKey): JWTVerifyGetKey {
  return async (header, token) => {
    try {
      return await keys(header, token);
    } catch (error) {
      throw FAULTS_OF_TOKEN.some((fault) => error instanceof fault) ? error : keysUnavailable(error);
    }
  };
}

function keysUnavailable(cause: unknown): HeadgateError {
  const retry = { retryable: true, retryAfterSeconds: 5, cause };
  return new HeadgateError(
    'ENGINE_UNAVAILABLE',
    'The key set that verifies tokens could not be read.',
    retry,
  );
}
