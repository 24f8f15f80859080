import type { Context } from 'koa';
import { errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { LRUCache } from 'lru-cache';
import { HeadgateError } from '../errors.js';
import type { RevocableToken, Revocations } from '../keys/revocations.js';
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
  /** Finds the public key of a token; where `changes` counts, what was verified before a change is verified again. */
  readonly keys: JWTVerifyGetKey & { changes?(): number };
  readonly issuer: string;
  readonly audience: string;
  /** The `typ` a token's header must have, such as `at+jwt` (RFC 9068). Default: not looked at. */
  readonly tokenType?: string;
  /** Milliseconds between `iat`, which is then required, and `exp`, at most. Default: not looked at. */
  readonly maxLifetimeMs?: number;
  /** Tokens that are taken no more. Default: none. */
  readonly revocations?: Pick<Revocations, 'reasonFor'>;
  /** Whether a tenant is configured, and not suspended. */
  readonly standingOf: (tenant: string) => 'active' | 'suspended' | 'unknown';
}

/** Verifies the `Authorization` header's value. */
export type Authenticator = (authorization: string | undefined) => Promise<Caller>;

/** Pinned: neither `none` nor HMAC can be slipped in. @see RFC 8725 section 3.1 */
const ALGORITHMS = ['EdDSA', 'Ed25519', 'ES256', 'RS256'];
/** Verified tokens kept; each takes about a kilobyte. */
const MAX_CACHED = 10_000;
/** How long a token is not verified again: with the age of a key set at an address, less than a minute. */
const MAX_CACHED_MS = 30_000;
/** Clocks of issuers may be off by so much. @see RFC 7519 sections 4.1.4 and 4.1.5 */
const LEEWAY_SECONDS = 5;

interface Verified {
  readonly caller: Caller;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  readonly token: RevocableToken;
  /** Changes of the key set when it was verified. */
  readonly changes: number;
  /** Milliseconds since the epoch. */
  readonly verifiedAt: number;
}

/**
 * Builds the verification of bearer tokens: signature, algorithm, issuer, audience, expiry, and the claims `tenant`
 * (string) and `scope` (space-separated). Verified tokens are cached until they expire, half a minute at most; whether they
 * are revoked is looked up at each request.
 * The authenticator throws HeadgateError `TOKEN_MISSING`, `TOKEN_INVALID`, `TOKEN_EXPIRED`, `TOKEN_REVOKED`, `TENANT_UNKNOWN`, `TENANT_SUSPENDED`;
 * `ENGINE_UNAVAILABLE` when the keys cannot be fetched.
 */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const cache = new LRUCache<string, Verified>({ max: MAX_CACHED });

  return async (authorization) => {
    const token = bearerToken(authorization);
    let verified = cache.get(token);
    if (verified === undefined || !isFresh(verified, options)) {
      verified = await verify(token, options);
      cache.set(token, verified);
    }
    if (verified.expiresAt <= Date.now())
      throw new HeadgateError('TOKEN_EXPIRED', 'The token has expired; get a new one.');
    const revoked = options.revocations?.reasonFor(verified.token);
    if (revoked !== undefined) throw new HeadgateError('TOKEN_REVOKED', revoked);
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

async function verify(token: string, options: AuthenticatorOptions): Promise<Verified> {
  const { keys, issuer, audience, tokenType, maxLifetimeMs } = options;
  // Before the keys are used: a change meanwhile is one that has not been looked at.
  const changes = keys.changes?.() ?? 0;
  const verifiedAt = Date.now();
  try {
    assertCanonical(token);
    const { payload } = await jwtVerify(token, blamed(keys), {
      issuer,
      audience,
      algorithms: ALGORITHMS,
      requiredClaims: ['exp', 'tenant', ...(maxLifetimeMs === undefined ? [] : ['iat'])],
      clockTolerance: LEEWAY_SECONDS,
      ...(tokenType !== undefined && { typ: tokenType }),
    });
    if (maxLifetimeMs !== undefined) assertLifetime(payload, maxLifetimeMs);
    if (!isTenantId(payload.tenant))
      throw new HeadgateError('TOKEN_INVALID', 'The claim "tenant" is not a tenant id.');
    const scope = typeof payload.scope === 'string' ? payload.scope : '';
    const subject = typeof payload.sub === 'string' ? payload.sub.slice(0, 200) : 'unnamed';
    const caller = { tenant: payload.tenant, subject, scopes: new Set(scope.split(' ').filter(Boolean)) };
    return {
      caller,
      expiresAt: ((payload.exp ?? 0) + LEEWAY_SECONDS) * 1000,
      token: revocable(payload),
      changes,
      verifiedAt,
    };
  } catch (error) {
    throw tokenError(error);
  }
}

/** One token has one form: without padding, and with nothing in the bits that stand for nothing. @see RFC 7515, section 2 */
function assertCanonical(token: string): void {
  const isCanonical = (part: string): boolean =>
    Buffer.from(part, 'base64url').toString('base64url') === part;
  if (token.split('.').every(isCanonical)) return;
  throw new HeadgateError('TOKEN_INVALID', 'The token is not base64url without padding.');
}

/** Whether it need not be verified again; a clock that was set back makes it so. */
function isFresh({ changes, verifiedAt }: Verified, { keys }: AuthenticatorOptions): boolean {
  const ageMs = Date.now() - verifiedAt;
  return ageMs >= 0 && ageMs < MAX_CACHED_MS && changes === (keys.changes?.() ?? 0);
}

function revocable({ tenant, sub, jti, iat }: JWTPayload): RevocableToken {
  return { tenant: String(tenant), subject: sub, id: jti, issuedAt: iat };
}

/** A token that is good for years can be stolen for years. */
function assertLifetime({ iat = 0, exp = 0 }: JWTPayload, maxLifetimeMs: number): void {
  if (iat > Date.now() / 1000 + LEEWAY_SECONDS)
    throw new HeadgateError('TOKEN_INVALID', 'The token says that it will be issued in the future ("iat").');
  if ((exp - iat) * 1000 > maxLifetimeMs)
    throw new HeadgateError(
      'TOKEN_INVALID',
      `The token is valid for ${exp - iat} s, more than the ${maxLifetimeMs / 1000} s that are allowed.`,
    );
}

function tokenError(error: unknown): HeadgateError {
  if (error instanceof HeadgateError) return error;
  if (error instanceof errors.JWTExpired)
    return new HeadgateError('TOKEN_EXPIRED', 'The token has expired; get a new one.', { cause: error });
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'nbf' && error.reason === 'check_failed')
      return new HeadgateError('TOKEN_INVALID', 'The token is not valid yet ("nbf").', { cause: error });
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
      if (isUnusableKey(error))
        throw new HeadgateError('TOKEN_INVALID', 'The key of this token is broken in the key set.', {
          cause: error,
        });
      throw FAULTS_OF_TOKEN.some((fault) => error instanceof fault) ? error : keysUnavailable(error);
    }
  };
}

/** What Web Crypto says of a key that is none, such as a point that is not on its curve: no retry makes it one. */
function isUnusableKey(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'DataError';
}

function keysUnavailable(cause: unknown): HeadgateError {
  const retry = { retryable: true, retryAfterSeconds: 5, cause };
  return new HeadgateError(
    'ENGINE_UNAVAILABLE',
    'The key set that verifies tokens could not be read.',
    retry,
  );
}
