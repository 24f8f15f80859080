import {
  errors,
  exportJWK,
  jwtVerify,
  type CryptoKey,
  type JWTHeaderParameters,
  type JWTPayload,
  type JWTVerifyGetKey,
} from 'jose';
import { HeadgateError } from '../errors.js';
import type { RevocableToken } from '../keys/revocations.js';
import { callerIn, type Caller } from './caller.js';

/** What a token is verified with. */
export interface VerifyOptions {
  /** Finds the public key of a token. */
  readonly keys: JWTVerifyGetKey;
  readonly issuer: string;
  readonly audience: string;
  /** The `typ` a token's header must have, such as `at+jwt` (RFC 9068). Default: not looked at. */
  readonly tokenType?: string;
  /** Milliseconds between `iat`, which is then required, and `exp`, at most. Default: not looked at. */
  readonly maxLifetimeMs?: number;
}

/** What a token says whose signature and claims are right. */
export interface VerifiedToken {
  readonly caller: Caller;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  readonly revocable: RevocableToken;
  readonly jwt: string;
  readonly header: JWTHeaderParameters;
  /** The public key that signed it, as text; undefined where a key does not tell. */
  readonly key: string | undefined;
}

/** Pinned: neither `none` nor HMAC can be slipped in. @see RFC 8725 section 3.1 */
const ALGORITHMS = ['EdDSA', 'Ed25519', 'ES256', 'RS256'];
/** Clocks of issuers may be off by this. @see RFC 7519 sections 4.1.4 and 4.1.5 */
const LEEWAY_SECONDS = 5;

/**
 * Verifies a token: signature, algorithm, issuer, audience, expiry, and who is calling: see
 * {@link callerIn}.
 * @throws HeadgateError `TOKEN_INVALID`, `TOKEN_EXPIRED`; `ENGINE_UNAVAILABLE` when the keys cannot be fetched
 */
export async function verifyToken(jwt: string, options: VerifyOptions): Promise<VerifiedToken> {
  const { keys, issuer, audience, tokenType, maxLifetimeMs } = options;
  try {
    assertCanonical(jwt);
    const verified = await jwtVerify(jwt, blamed(keys), {
      issuer,
      audience,
      algorithms: ALGORITHMS,
      requiredClaims: ['exp', ...(maxLifetimeMs === undefined ? [] : ['iat'])],
      clockTolerance: LEEWAY_SECONDS,
      ...(tokenType !== undefined && { typ: tokenType }),
    });
    const { payload, protectedHeader: header } = verified;
    if (maxLifetimeMs !== undefined) assertLifetime(payload, maxLifetimeMs);
    const expiresAt = ((payload.exp ?? 0) + LEEWAY_SECONDS) * 1000;
    const key = await keyText(verified.key);
    const caller = callerIn(payload);
    return { caller, expiresAt, revocable: revocable(payload, caller), jwt, header, key };
  } catch (error) {
    throw tokenError(error);
  }
}

/**
 * Looks whether the key that signed a token is there still; only where another one is in its place, or none can be told
 * from another, its signature is verified again.
 * @throws HeadgateError as {@link verifyToken}
 */
export async function assertKeyStands(
  { jwt, header, key }: VerifiedToken,
  options: VerifyOptions,
): Promise<void> {
  const [protectedHeader, payload, signature] = jwt.split('.') as [string, string, string];
  try {
    const now = await blamed(options.keys)(header, { protected: protectedHeader, payload, signature });
    if (key !== undefined && key === (await keyText(now))) return;
  } catch (error) {
    throw tokenError(error);
  }
  await verifyToken(jwt, options);
}

const TEXTS = new WeakMap<object, string>();

/** A public key as text: the same for the same key, however often a key set is read. */
async function keyText(key: Awaited<ReturnType<JWTVerifyGetKey>>): Promise<string | undefined> {
  const known = TEXTS.get(key);
  if (known !== undefined) return known;
  try {
    const { kty, crv, x, y, n, e } = await exportJWK(key as CryptoKey);
    const text = JSON.stringify([kty, crv, x, y, n, e]);
    TEXTS.set(key, text);
    return text;
  } catch {
    // One whose set says that it must not be exported.
    return undefined;
  }
}

/** One token has one form: without padding, and with nothing in the bits that stand for nothing. @see RFC 7515, section 2 */
function assertCanonical(token: string): void {
  const isCanonical = (part: string): boolean =>
    Buffer.from(part, 'base64url').toString('base64url') === part;
  if (token.split('.').every(isCanonical)) return;
  throw new HeadgateError('TOKEN_INVALID', 'The token is not base64url without padding.');
}

function revocable({ sub, jti, iat }: JWTPayload, { tenant }: Caller): RevocableToken {
  return { tenant, subject: sub, id: jti, issuedAt: iat };
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
