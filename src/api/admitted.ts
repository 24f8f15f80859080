import type { IncomingMessage } from 'node:http';
import type { Context, Next } from 'koa';
import { HeadgateError } from '../errors.js';
import type { Admission } from '../ingest/admission/admission.js';
import type { Permit } from '../ingest/admission/permit.js';
import { callerOf } from './authenticate.js';
import { statusOf } from './problem.js';
import { setRateLimitHeaders } from './rate-limit-headers.js';

/**
 * Middleware that asks admission before anything of the body is read, and tells the producer its quotas with every
 * answer. To be placed behind `requireScope`. The permit is released when the answer is ready.
 * @param maxBytes largest body: a larger one is refused for that when it is read, and must not be for want of room
 */
export function admitted(admission: Admission, maxBytes: number) {
  return async (ctx: Context, next: Next): Promise<void> => {
    const { tenant } = callerOf(ctx);
    let permit: Permit | undefined;
    let refusedSeconds: number | undefined;
    try {
      permit = admission.admit(tenant, Math.min(maxBytes, announcedBytes(ctx.req)));
      ctx.state.permit = permit;
      await next();
    } catch (error) {
      if (error instanceof HeadgateError && statusOf(error) === 429) refusedSeconds = error.retryAfterSeconds;
      throw error;
    } finally {
      permit?.release();
      setRateLimitHeaders(ctx, admission.quotasOf(tenant), refusedSeconds);
    }
  };
}

/** The permit of the request; set by {@link admitted}. */
export function permitOf(ctx: Context): Permit {
  return ctx.state.permit as Permit;
}

/** A chunked body announces nothing, and counts as it comes in. */
function announcedBytes(request: IncomingMessage): number {
  return Number(request.headers['content-length'] ?? 0) || 0;
}
