import type { Context } from 'koa';
import type { Quota } from '../ingest/admission/admission.js';

/**
 * The units of the quotas, of those that the draft registers. Events have none, and so count as what is meant without one,
 * requests: a request of an event is one.
 */
const UNITS = { events: '', bytes: ';qu="content-bytes"', requests: ';qu="requests"' } as const;

/**
 * Tells a producer its quotas, in two forms: `RateLimit-Policy` and `RateLimit`, the structured fields of the IETF's current
 * draft, for all quotas; and `RateLimit-Limit`, `-Remaining` and `-Reset` of its older drafts, which more clients read, for the events.
 * @param refusedSeconds the `Retry-After` of a refused request: nothing is left until then, whatever the buckets hold
 * @see draft-ietf-httpapi-ratelimit-headers-11, and -06 for the older form
 */
export function setRateLimitHeaders(ctx: Context, quotas: readonly Quota[], refusedSeconds?: number): void {
  const remaining = (quota: Quota): number => (refusedSeconds === undefined ? quota.remaining : 0);
  // A second is the draft's resolution: within it no more than what is left may be used.
  const seconds = (quota: Quota): number => Math.max(1, quota.waitSeconds, refusedSeconds ?? 0);
  ctx.set(
    'RateLimit-Policy',
    quotas
      .map(
        ({ name, limit, windowSeconds }) =>
          `"${name}";q=${Math.floor(limit)}${UNITS[name]};w=${windowSeconds}`,
      )
      .join(', '),
  );
  ctx.set(
    'RateLimit',
    quotas.map((each) => `"${each.name}";r=${remaining(each)};t=${seconds(each)}`).join(', '),
  );
  const events = quotas.find(({ name }) => name === 'events');
  if (events === undefined) return;
  ctx.set('RateLimit-Limit', String(Math.floor(events.limit)));
  // One number for all: an events quota that cannot be used, for want of bytes or requests, is none.
  ctx.set(
    'RateLimit-Remaining',
    String(quotas.some((each) => remaining(each) === 0) ? 0 : remaining(events)),
  );
  ctx.set('RateLimit-Reset', String(Math.max(...quotas.map(seconds))));
}
