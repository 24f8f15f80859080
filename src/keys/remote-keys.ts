import {
  createRemoteJWKSet,
  customFetch,
  jwksCache,
  type FetchImplementation,
  type JWKSCacheInput,
  type JWTVerifyGetKey,
} from 'jose';
import { Changes, type Changing } from './changes.js';

/** How long a set counts; with the cache of tokens, which is as long, a key that is withdrawn stops within a minute. */
const MAX_AGE_MS = 25_000;
/** While its address does not answer, a set counts for this much longer: its owner's outage is not to be ours at once. */
const KEPT_FOR_MS = 10 * 60_000;
/** After a key that is not in the set, it is asked for again no sooner than this. */
const COOLDOWN_MS = 2_000;
const TIMEOUT_MS = 5_000;
/** A set of a hundred keys has some 50 kB. */
const MAX_BYTES = 1024 * 1024;

/** The keys at an address, fetched when they are needed. Redirections are not followed. */
export function createRemoteKeys(url: URL, now: () => number = Date.now): JWTVerifyGetKey & Changing {
  const cache: JWKSCacheInput = {};
  const remote = createRemoteJWKSet(url, {
    cacheMaxAge: MAX_AGE_MS,
    cooldownDuration: COOLDOWN_MS,
    timeoutDuration: TIMEOUT_MS,
    [customFetch]: keeping(now),
    [jwksCache]: cache,
  });
  const changes = new Changes();
  const note = noting(cache, changes);
  const get: JWTVerifyGetKey = (header, token) => remote(header, token).finally(note);
  return Object.assign(get, {
    changes: () => changes.changes(),
    onChange: (listener: () => void) => changes.onChange(listener),
  });
}

/** Looks whether the set that is in force is another one than when it was last looked at. */
function noting(cache: JWKSCacheInput, changes: Changes): () => void {
  let known: unknown;
  let text: string | undefined;
  return () => {
    const { jwks } = cache as { jwks?: unknown };
    if (jwks === known) return;
    known = jwks;
    const before = text;
    text = JSON.stringify(jwks);
    if (before !== undefined && before !== text) changes.happened();
  };
}

/** Fetches a set, and answers with the last one that was right while none can be had. */
function keeping(now: () => number): FetchImplementation {
  let last: { readonly text: string; readonly at: number } | undefined;
  return async (url, options) => {
    try {
      const response = await fetch(url, options);
      if (response.status !== 200) throw new Error(`the key set was answered with ${response.status}`);
      const text = await boundedText(response);
      assertKeySet(text);
      last = { text, at: now() };
      return new Response(text, { status: 200 });
    } catch (error) {
      if (last === undefined || now() - last.at > KEPT_FOR_MS) throw error;
      return new Response(last.text, { status: 200 });
    }
  };
}

async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > MAX_BYTES) throw new Error(`the key set has more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function assertKeySet(text: string): void {
  const { keys } = JSON.parse(text) as { keys?: unknown };
  if (!Array.isArray(keys)) throw new Error('the answer is not a key set');
}
