import type { IncomingMessage } from 'node:http';
import type { Context, Next } from 'koa';
import { HeadgateError } from '../errors.js';
import type { Admission } from '../ingest/admission/admission.js';
import type { Permit } from '../ingest/admission/permit.js';
import type { AnsweredRequest, Metrics } from '../observability/metrics.js';
import { callerOf } from './authenticate.js';
import { statusOf } from './problem.js';
import { setRateLimitHeaders } from './rate-limit-headers.js';

/** What {@link admitted} needs. */
export interface AdmittedOptions {
  readonly admission: Admission;
  /** Largest body: a larger one is refused for that when it is read, and must not be for want of room. */
  readonly maxBytes: number;
  readonly metrics?: Pick<Metrics, 'requestAnswered' | 'refused'>;
}

/**
 * Middleware that asks admission before anything of the body is read, tells the producer its quotas with every answer,
 * and counts what came of the request. To be placed behind `requireScope`. The permit is released when the answer is ready.
 */
export function admitted({ admission, maxBytes, metrics }: AdmittedOptions) {
  return async (ctx: Context, next: Next): Promise<void> => {
    const began = performance.now();
    const { tenant } = callerOf(ctx);
    let permit: Permit | undefined;
    let refusedSeconds: number | undefined;
    try {
      permit = admission.admit(tenant, Math.min(maxBytes, announcedBytes(ctx.req)));
      ctx.state.permit = permit;
      await next();
    } catch (error) {
      const status = statusOf(error);
      if (error instanceof HeadgateError && status === 429) refusedSeconds = error.retryAfterSeconds;
      metrics?.refused(tenant, error instanceof HeadgateError && status !== 500 ? error.code : 'INTERNAL');
      throw error;
    } finally {
      permit?.release();
      setRateLimitHeaders(ctx, admission.quotasOf(tenant), refusedSeconds);
      const handled = ctx.state.handled as Handled | undefined;
      const seconds = (performance.now() - began) / 1000;
      if (handled !== undefined) metrics?.requestAnswered(tenant, { ...handled, seconds });
    }
  };
}

type Handled = Omit<AnsweredRequest, 'seconds'>;

/** Notes what became of a request's events, for the metrics. */
export function noteHandled(
  ctx: Context,
  { accepted, duplicate, rejected }: Omit<Handled, 'bytes'>,
  bytes: number,
): void {
  ctx.state.handled = { accepted, duplicate, rejected, bytes } satisfies Handled;
}

/** The permit of the request; set by {@link admitted}. */
export function permitOf(ctx: Context): Permit {
  return ctx.state.permit as Permit;
}

/** A chunked body announces nothing, and counts as it comes in. */
function announcedBytes(request: IncomingMessage): number {
  return Number(request.headers['content-length'] ?? 0) || 0;
}
