import { randomUUID } from 'node:crypto';
import { link, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  SignJWT,
  createLocalJWKSet,
  importJWK,
  type JSONWebKeySet,
  type JWK,
  type JWTVerifyGetKey,
} from 'jose';
import { HeadgateError, systemCodeOf } from '../errors.js';
import { readTextIfThere } from '../platform/read-if-there.js';
import { isLoopback } from '../platform/loopback.js';
import type { Logger } from '../platform/logger.js';
import type { Changing } from './changes.js';
import { followFile } from './followed-file.js';
import { createRemoteKeys } from './remote-keys.js';
import { newSigningKey } from '../platform/new-signing-key.js';

const PRIVATE_KEY = 'development.private.jwk.json';
const PUBLIC_KEYS = 'development.jwks.json';

/** The keys that verify tokens, as they are now. */
export type KeySet = JWTVerifyGetKey &
  /** Of the set: what was verified before is to be verified again. That of an address is noticed when it is used. */
  Changing & { close(): void };

/** Where the keys are. */
export interface KeySetOptions {
  /** A file's path, or a URL. Default: the development key pair. */
  readonly jwks?: string;
  readonly dataDir: string;
  /** Address that the API listens on. */
  readonly host?: string;
  /** Whether the development key may be used where the API can be reached from other machines. Default `loopback`. */
  readonly developmentKey?: 'loopback' | 'anywhere';
  readonly log?: Pick<Logger, 'info' | 'error'>;
  /** How often a file is looked at. Default 2 s. */
  readonly everyMs?: number;
}

/**
 * The keys that verify tokens: the JWKS at `jwks` (a file's path, which is followed, or a URL), or else the development key
 * pair under `dataDir`, which is made if it is not there yet.
 * @throws HeadgateError `CONFIG_INVALID` when the file is missing or no key set, or the development key would open an API that
 * other machines reach
 */
export async function openKeySet(options: KeySetOptions): Promise<KeySet> {
  const { jwks, dataDir } = options;
  if (jwks === undefined) {
    assertLoopback(options);
    await makeDevelopmentKeys(dataDir);
    return fileKeySet(join(dataDir, 'keys', PUBLIC_KEYS), options);
  }
  if (!/^https?:/i.test(jwks)) return fileKeySet(jwks, options);
  return Object.assign(createRemoteKeys(new URL(jwks)), { close: () => undefined });
}

/** Anybody who can read the data directory, a backup of it say, can sign with the development key. */
function assertLoopback({ host = '127.0.0.1', developmentKey = 'loopback' }: KeySetOptions): void {
  if (developmentKey === 'anywhere' || isLoopback(host)) return;
  throw new HeadgateError(
    'CONFIG_INVALID',
    `Other machines can reach the API on ${host}, and its tokens would be verified with the development key. Set HEADGATE_JWKS to your key set; to try things out in a network that is yours, HEADGATE_DEVELOPMENT_KEY=anywhere.`,
  );
}

/** What a development token says: of a tenant, or of an operator. */
export interface TokenClaims {
  readonly tenant?: string;
  readonly role?: 'operator';
  /** Those that an operator's token is for. Default: all. */
  readonly tenants?: readonly string[];
  /** Space-separated scopes. */
  readonly scope: string;
  readonly issuer: string;
  readonly audience: string;
  /** Seconds until it expires. */
  readonly expiresInSeconds: number;
  /** Who is to use it. Default: nobody in particular. */
  readonly subject?: string;
}

/**
 * Signs a token with the development key.
 * @throws HeadgateError `KEY_MISSING` when there is no development key, as with `HEADGATE_JWKS`
 */
export async function signToken(dataDir: string, claims: TokenClaims): Promise<string> {
  const jwk = await readJson<JWK>(join(dataDir, 'keys', PRIVATE_KEY));
  if (jwk === undefined) {
    throw new HeadgateError(
      'KEY_MISSING',
      `No development key in ${join(dataDir, 'keys')}. It is made when Headgate first starts without HEADGATE_JWKS; with it, tokens come from your own issuer.`,
    );
  }
  const { tenant, role, tenants, scope, subject: sub } = claims;
  return new SignJWT({ tenant, role, tenants, scope, sub })
    .setProtectedHeader({ alg: 'EdDSA', kid: jwk.kid })
    .setIssuer(claims.issuer)
    .setAudience(claims.audience)
    .setIssuedAt()
    .setJti(randomUUID())
    .setExpirationTime(Math.floor(Date.now() / 1000) + claims.expiresInSeconds)
    .sign(await importJWK(jwk, 'EdDSA'));
}

/**
 * Makes the development key pair once; the private key is readable by its owner alone. Processes that start at the same
 * time end up with the same pair, and a crash leaves no half of one: the first private key counts, the public one is
 * made from it.
 */
export async function makeDevelopmentKeys(dataDir: string): Promise<void> {
  const directory = join(dataDir, 'keys');
  if ((await readJson(join(directory, PUBLIC_KEYS))) !== undefined) return;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeWhole(join(directory, PRIVATE_KEY), await newSigningKey(), link);
  const privateKey = (await readJson<JWK>(join(directory, PRIVATE_KEY))) as JWK;
  await writeWhole(join(directory, PUBLIC_KEYS), { keys: [{ ...privateKey, d: undefined }] }, rename);
}

/** Writes a file aside and puts it in its place whole; `link` leaves one that is there already, `rename` replaces it. */
async function writeWhole(path: string, content: object, put: typeof link | typeof rename): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  await writeFile(aside, JSON.stringify(content), { mode: 0o600 });
  try {
    await put(aside, path);
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST') throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

async function fileKeySet(path: string, { log, everyMs }: KeySetOptions): Promise<KeySet> {
  const parse = (text: string): JWTVerifyGetKey => createLocalJWKSet(JSON.parse(text) as JSONWebKeySet);
  const file = await followFile({ path, what: 'a JSON Web Key Set', parse, log, everyMs });
  const get: JWTVerifyGetKey = (header, token) => file.current()(header, token);
  const { changed } = file;
  return Object.assign(get, {
    changes: () => changed.changes(),
    onChange: (listener: () => void) => changed.onChange(listener),
    close: () => file.close(),
  });
}

async function readJson<T>(path: string): Promise<T | undefined> {
  const text = await readTextIfThere(path);
  return text === undefined ? undefined : (JSON.parse(text) as T);
}
