import type { Context } from 'koa';
import { HeadgateError } from '../errors.js';
import { refusal } from '../ingest/admission/refusal.js';
import type { Source, WriteKeys } from '../sources/write-keys.js';
import type { Authenticator } from './authenticate.js';
import { reachOf, type Caller } from './caller.js';
import type { EarlyBody, UnknownBodies } from './unknown-bodies.js';
import { keyInBody, keyInHead } from './write-key.js';

/** Who sends a request. */
interface Identified {
  readonly caller: Caller;
  /** Its body, where that had to be read to know. */
  readonly early?: EarlyBody;
}

/** Finds out who sends a request, and stands by it as an {@link Authenticator} does. */
export interface Identifier extends Pick<Authenticator, 'check' | 'follow'> {
  /** @param maxBytes of its body, inflated */
  identify(ctx: Context, maxBytes: number): Promise<Identified>;
}

/** What {@link byTokenOrKey} needs. */
export interface KeyOptions {
  readonly authenticate: Authenticator;
  /** Default: there are none. */
  readonly writeKeys?: WriteKeys;
  readonly unknownBodies: UnknownBodies;
}

/** By bearer tokens alone. */
export function byToken(authenticate: Authenticator): Identifier {
  return {
    identify: async (ctx) => ({ caller: await authenticate(ctx.get('authorization') || undefined) }),
    check: (caller, tenant) => authenticate.check(caller, tenant),
    follow: (caller, onLost, tenant) => authenticate.follow(caller, onLost, tenant),
  };
}

/** What a source may do with its key, beside what its list of types says. */
const SCOPES: ReadonlySet<string> = new Set(['events:write', 'user-properties:write']);
/** Keys are read within a moment of a node's start. */
const LOADING_SECONDS = 2;

/**
 * By bearer tokens, or the write keys of sources: see {@link keyInHead}; where there is none, the body is read for it, within
 * the bounds of {@link UnknownBodies}. It throws HeadgateError what the authenticator throws, and `WRITE_KEY_INVALID` (401),
 * `WRITE_KEYS_LOADING` (429).
 */
export function byTokenOrKey({ authenticate, writeKeys, unknownBodies }: KeyOptions): Identifier {
  const tokens = byToken(authenticate);
  const keyOf = new WeakMap<Caller, string>();
  const callerWith = (key: string): Caller => {
    const source = sourceOf(key, writeKeys);
    const { tenant, name } = source;
    authenticate.assertServed(tenant);
    const reach = reachOf([tenant]);
    const caller: Caller = {
      role: 'tenant',
      tenant,
      subject: `source:${name}`,
      scopes: SCOPES,
      reach,
      source,
    };
    keyOf.set(caller, key);
    return caller;
  };
  const fromBody = async (ctx: Context, maxBytes: number): Promise<Identified> => {
    const early = await unknownBodies.read(ctx.req, maxBytes);
    try {
      const key = keyInBody(early.octets);
      if (key === undefined) throw noKey();
      return { caller: callerWith(key), early };
    } catch (error) {
      early.drop();
      if (!isLoading(error)) unknownBodies.forNothing(ctx.req, early.bytes);
      throw error;
    }
  };
  return {
    identify: async (ctx, maxBytes) => {
      if (/^Bearer /i.test(ctx.get('authorization'))) return tokens.identify(ctx, maxBytes);
      const key = keyInHead(ctx);
      return key === undefined ? fromBody(ctx, maxBytes) : { caller: callerWith(key) };
    },
    check: async (caller, tenant) => {
      const key = keyOf.get(caller);
      if (key === undefined) return tokens.check(caller, tenant);
      authenticate.assertServed(sourceOf(key, writeKeys).tenant);
    },
    // Only what takes events is sent by a key, and that is looked at once, when its body is there.
    follow: (caller, onLost, tenant) =>
      keyOf.has(caller) ? () => undefined : tokens.follow(caller, onLost, tenant),
  };
}

function isLoading(error: unknown): boolean {
  return error instanceof HeadgateError && error.code === 'WRITE_KEYS_LOADING';
}

function sourceOf(key: string, writeKeys: WriteKeys | undefined): Source {
  const source = writeKeys?.find(key);
  if (source !== undefined) return source;
  if (writeKeys?.complete === false)
    throw refusal('WRITE_KEYS_LOADING', 'This node is still reading its write keys.', LOADING_SECONDS);
  throw new HeadgateError('WRITE_KEY_INVALID', 'The write key is not known, or was revoked.');
}

function noKey(): HeadgateError {
  return new HeadgateError(
    'TOKEN_MISSING',
    'Send a write key: as the user name of Basic, as writeKey in the body or the query, or as X-Write-Key; or a token: "Authorization: Bearer <token>".',
  );
}

/**
 * Pages send the origin that they are of; what is no browser sends none.
 * @throws HeadgateError `ORIGIN_NOT_ALLOWED`
 */
export function assertOrigin({ source }: Caller, origin: string): void {
  const allowed = source?.allowedOrigins;
  if (origin === '' || allowed === undefined || allowed.includes(origin)) return;
  throw new HeadgateError(
    'ORIGIN_NOT_ALLOWED',
    `The source ${source!.name} does not take events of pages of ${origin.slice(0, 200)}.`,
  );
}
