import type { Context } from 'koa';
import type { JWTVerifyGetKey } from 'jose';
import { LRUCache } from 'lru-cache';
import { HeadgateError } from '../errors.js';
import type { Changing } from '../keys/changes.js';
import type { Revocations } from '../keys/revocations.js';
import { FollowedTokens } from './followed-tokens.js';
import type { Caller } from './caller.js';
import type { Scope } from './scopes.js';
import { assertKeyStands, verifyToken, type VerifiedToken, type VerifyOptions } from './verify-token.js';

/** What {@link createAuthenticator} needs. */
export interface AuthenticatorOptions extends VerifyOptions {
  /** Finds the public key of a token; where it says that it has changed, the keys of what was verified are looked up again. */
  readonly keys: JWTVerifyGetKey & Partial<Changing>;
  /** Tokens that are taken no more. Default: none. */
  readonly revocations?: Pick<Revocations, 'reasonFor'> & Partial<Pick<Revocations, 'onChange'>>;
  /** Whether a tenant is configured, and not suspended. */
  readonly tenantStatusOf: (tenant: string) => 'active' | 'suspended' | 'unknown';
  /** Calls its listener when the status of a tenant may have changed. Default: open requests are not told. */
  readonly onTenantStatusChange?: (listener: (tenant: string) => void) => unknown;
}

/** Verifies the `Authorization` header's value, and stands by what it has said of it. */
export interface Authenticator {
  (authorization: string | undefined): Promise<Caller>;
  /**
   * Checks the token of a caller again, who has it from this authenticator. It looks at claims and keys alone, not at the
   * signature.
   * @param tenant that an operator asks about: it has to stand well, too
   * @throws HeadgateError what the authenticator throws
   */
  check(caller: Caller, tenant?: string): Promise<void>;
  /**
   * Watches the token of a caller for as long as what it asks for takes. As soon as it is good no more, `onLost` is called
   * with the reason, once: what revokes a token does so at once, and an expiry when it is due.
   * @param tenant that an operator asks about
   * @returns how to stop
   */
  follow(caller: Caller, onLost: (reason: unknown) => void, tenant?: string): () => void;
  /** @throws HeadgateError `TENANT_UNKNOWN`, `TENANT_SUSPENDED` */
  assertServed(tenant: string): void;
}

/** Verified tokens kept; each takes about a kilobyte, or more where it lists many tenants. */
const MAX_CACHED = 10_000;
/** Characters of all of them. */
const MAX_CACHED_TEXT = 2_000 * MAX_CACHED;
/** How long a token's key is not looked up again: with the age of a key set at an address, less than a minute. */
const MAX_CACHED_MS = 30_000;

interface Known extends VerifiedToken {
  /** Changes of the key set when its key was last looked up. */
  changes: number;
  /** When that was, in milliseconds since the epoch. */
  lookedUpAt: number;
  lookingUp?: Promise<void>;
}

/** A token, and the tenant that is asked about with it: an operator may ask about several, or about none. */
interface Used {
  readonly known: Known;
  readonly tenant: string | undefined;
}

/**
 * Builds the verification of bearer tokens: see {@link verifyToken}. Verified tokens are cached; whether their key is
 * there still is looked up each half minute and after each change of the keys, whether they are revoked at each request.
 * The authenticator throws HeadgateError `TOKEN_MISSING`, `TOKEN_INVALID`, `TOKEN_EXPIRED`, `TOKEN_REVOKED`, `TENANT_UNKNOWN`, `TENANT_SUSPENDED`;
 * `ENGINE_UNAVAILABLE` when the keys cannot be fetched.
 */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { keys, revocations, onTenantStatusChange } = options;
  const cache = new LRUCache<string, Known>({
    max: MAX_CACHED,
    maxSize: MAX_CACHED_TEXT,
    sizeCalculation: ({ jwt }) => jwt.length,
  });
  const knownOf = new WeakMap<Caller, Known>();
  const followed = new FollowedTokens<Used>({
    assertGood: (used) => assertGood(used, options),
    isFresh: ({ known }) => isFresh(known, options),
    lookUp: ({ known }) => lookUp(known, options),
    nextLookAt: ({ known: { expiresAt, lookedUpAt } }) => Math.min(expiresAt, lookedUpAt + MAX_CACHED_MS),
  });
  keys.onChange?.(() => followed.look());
  revocations?.onChange?.(() => followed.look());
  onTenantStatusChange?.((tenant) => followed.look((used) => used.tenant === tenant));

  async function check(used: Used): Promise<void> {
    while (!isFresh(used.known, options)) await lookUp(used.known, options);
    assertGood(used, options);
  }

  const useOf = (caller: Caller, tenant?: string): Used => ({
    known: knownOf.get(caller)!,
    tenant: caller.tenant ?? tenant,
  });

  async function authenticate(authorization: string | undefined): Promise<Caller> {
    const token = bearerToken(authorization);
    let known = cache.get(token);
    if (known === undefined) {
      // Before the keys are used: a change meanwhile is one that has not been looked at.
      const [changes, lookedUpAt] = [changesOf(options), Date.now()];
      known = { ...(await verifyToken(token, options)), changes, lookedUpAt };
      cache.set(token, known);
      knownOf.set(known.caller, known);
    }
    await check(useOf(known.caller));
    return known.caller;
  }

  return Object.assign(authenticate, {
    check: (caller: Caller, tenant?: string) => check(useOf(caller, tenant)),
    follow: (caller: Caller, onLost: (reason: unknown) => void, tenant?: string) =>
      followed.follow(useOf(caller, tenant), onLost),
    assertServed: (tenant: string) => assertServed(tenant, options),
  });
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

function changesOf({ keys }: AuthenticatorOptions): number {
  return keys.changes?.() ?? 0;
}

/** Whether its key need not be looked up again; a clock that was set back makes it so. */
function isFresh({ changes, lookedUpAt }: Known, options: AuthenticatorOptions): boolean {
  const ageMs = Date.now() - lookedUpAt;
  return ageMs >= 0 && ageMs < MAX_CACHED_MS && changes === changesOf(options);
}

/** Once for all who wait for it. */
function lookUp(known: Known, options: AuthenticatorOptions): Promise<void> {
  const [changes, lookedUpAt] = [changesOf(options), Date.now()];
  known.lookingUp ??= assertKeyStands(known, options)
    .then(() => void Object.assign(known, { changes, lookedUpAt }))
    .finally(() => (known.lookingUp = undefined));
  return known.lookingUp;
}

/** What is known without asking anybody: its expiry, whether it is revoked, and how the tenant stands. */
function assertGood({ known: { expiresAt, revocable }, tenant }: Used, options: AuthenticatorOptions): void {
  if (expiresAt <= Date.now())
    throw new HeadgateError('TOKEN_EXPIRED', 'The token has expired; get a new one.');
  const revoked = options.revocations?.reasonFor(revocable);
  if (revoked !== undefined) throw new HeadgateError('TOKEN_REVOKED', revoked);
  if (tenant !== undefined) assertServed(tenant, options);
}

function assertServed(tenant: string, { tenantStatusOf }: AuthenticatorOptions): void {
  const status = tenantStatusOf(tenant);
  if (status === 'unknown')
    throw new HeadgateError('TENANT_UNKNOWN', `Tenant ${tenant} is not configured here.`);
  if (status === 'suspended') throw new HeadgateError('TENANT_SUSPENDED', `Tenant ${tenant} is suspended.`);
}
