import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Context } from 'koa';

/** An answer that is the same for all, as long as the process runs: held once, however many read it. */
export interface FixedAnswer {
  readonly type: string;
  readonly body: Buffer;
  readonly gzipped: Buffer;
  /** Of what it holds: the same in every process of a version. */
  readonly etag: string;
}

const compress = promisify(gzip);

/** Makes one. It is compressed outside of the event loop. */
export async function fixedAnswer(type: string, body: Buffer): Promise<FixedAnswer> {
  const digest = createHash('sha256').update(body).digest('base64url').slice(0, 22);
  return { type, body, gzipped: await compress(body, { level: 9 }), etag: `"${digest}"` };
}

/** A year: as long as a cache keeps anything. */
const FOR_GOOD = 'public, max-age=31536000, immutable';

/**
 * Answers with it, or with 304 to who has it.
 * @param forGood whether its address never has anything else: who has it need not ask again
 */
export function answerFixed(ctx: Context, { type, body, gzipped, etag }: FixedAnswer, forGood = false): void {
  ctx.status = 200;
  // Weak: what is compressed and what is not are the same under it.
  ctx.set({
    ETag: `W/${etag}`,
    'Cache-Control': forGood ? FOR_GOOD : 'no-cache',
    'X-Content-Type-Options': 'nosniff',
  });
  ctx.vary('Accept-Encoding');
  if (ctx.fresh) {
    ctx.status = 304;
    return;
  }
  const takesGzip = ctx.acceptsEncodings('gzip', 'identity') === 'gzip';
  if (takesGzip) ctx.set('Content-Encoding', 'gzip');
  ctx.body = takesGzip ? gzipped : body;
  ctx.type = type;
}

/** Nothing from elsewhere is loaded, run or shown, and nothing that is written into a page. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Answers with a page, which loads what is served here alone. */
export function answerPage(ctx: Context, page: FixedAnswer): void {
  answerFixed(ctx, page);
  ctx.set({
    'Content-Security-Policy': PAGE_POLICY,
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'X-Frame-Options': 'DENY',
  });
}
