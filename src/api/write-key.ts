import type { Context } from 'koa';
import { membersOf } from './split-json.js';

/** Characters of a key: those that are longer are none. */
const MAX_KEY = 512;
/** What Jitsu puts in place of a key's secret part, in bodies. */
const MASKED = ':***';
const WRITE_KEY: ReadonlySet<string> = new Set(['writeKey']);

/**
 * The write key that a request has outside its body: the user name of Basic, `writeKey` of its query, or `X-Write-Key`, the
 * first of these.
 */
export function keyInHead(ctx: Context): string | undefined {
  const { writeKey } = ctx.query;
  return (
    keyIn(basicUser(ctx.get('authorization'))) ??
    keyIn(Array.isArray(writeKey) ? writeKey[0] : writeKey) ??
    keyIn(ctx.get('x-write-key'))
  );
}

/** The write key in a body, found without parsing it: nobody knows yet who sends it. A masked one is none. */
export function keyInBody(body: Buffer): string | undefined {
  const written = membersOf(body, WRITE_KEY)?.get('writeKey');
  if (written === undefined || written.length > 6 * MAX_KEY) return undefined;
  try {
    return keyIn(JSON.parse(written.toString('utf8')));
  } catch {
    return undefined;
  }
}

function keyIn(value: unknown): string | undefined {
  const isKey = typeof value === 'string' && value !== '' && value.length <= MAX_KEY;
  return isKey && !value.endsWith(MASKED) ? value : undefined;
}

/** What stands before the last colon: a key may have one, and the password is empty. @see RFC 7617 */
function basicUser(authorization: string): string | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/=_-]+)$/i.exec(authorization)?.[1];
  if (encoded === undefined) return undefined;
  const credentials = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = credentials.lastIndexOf(':');
  return colon < 0 ? credentials : credentials.slice(0, colon);
}
