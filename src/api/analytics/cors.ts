import type { Context, Next } from 'koa';
import { analyticsPath } from './paths.js';

/** What the clients of the browsers send, where a browser does not say what it asks for. */
const KNOWN_HEADERS =
  'authorization, content-type, x-retry-count, anonymousid, sentat, x-write-key, rsa-retry-attempt, rsa-retry-reason, rsa-since-first-attempt, rsa-since-last-attempt';
/** Names of headers, as a browser lists them. */
const HEADER_NAMES = /^[\w\-, ]{1,2000}$/;
/** The longest that Chromium keeps an answer. */
const MAX_AGE_SECONDS = 7_200;

/**
 * Of every answer to a page of another origin. Without the second, it waits a moment where `Retry-After` says a minute.
 * No cookie is looked at, so any origin may be told; a source's own list of them is held to when its key is known.
 */
const ANSWER_HEADERS = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': 'Retry-After',
} as const;

/** The headers by which a page of another origin may read an answer: none, unless analytics clients send to the path. */
export function corsHeaders(url: string | undefined): Readonly<Record<string, string>> {
  return analyticsPath((url ?? '').split('?', 1)[0]!) === undefined ? {} : ANSWER_HEADERS;
}

/** `message` beside `code` in a problem: a client of RudderStack takes an error without both for a broken network. */
export function messageFor(url: string | undefined, message: string): { readonly message?: string } {
  return analyticsPath((url ?? '').split('?', 1)[0]!) === undefined ? {} : { message };
}

/**
 * Middleware before the routes that analytics clients send to: answers what browsers ask before they send, lets pages read
 * the answers, errors too, and puts a path into the form that has a route.
 */
export async function analyticsCors(ctx: Context, next: Next): Promise<void> {
  const path = analyticsPath(ctx.path);
  if (path === undefined) return next();
  ctx.set(ANSWER_HEADERS);
  // Without what it asks for it is no browser's question, and is answered as anywhere.
  if (ctx.method !== 'OPTIONS' || ctx.get('access-control-request-method') === '') {
    ctx.path = path;
    return next();
  }
  const asked = ctx.get('access-control-request-headers');
  ctx.set({
    'Access-Control-Allow-Methods': 'POST, GET',
    'Access-Control-Allow-Headers': HEADER_NAMES.test(asked) ? asked : KNOWN_HEADERS,
    'Access-Control-Max-Age': String(MAX_AGE_SECONDS),
  });
  ctx.status = 204;
}
