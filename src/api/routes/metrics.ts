import type Router from '@koa/router';
import type { Context } from 'koa';
import type { Metrics } from '../../observability/metrics.js';
import { sharedAnswer } from '../shared-answer.js';

/** A scrape writes out thousands of lines. */
const KNOWN_FOR_MS = 500;

/** Adds `GET /metrics`, in Prometheus' text format. It needs no token and names tenants, so it is not for the outside: the balancer before Headgate must not pass it on. */
export function addMetricsRoute(router: Router, metrics: Pick<Metrics, 'scrape'>): void {
  const scrape = sharedAnswer(() => metrics.scrape(), KNOWN_FOR_MS);
  router.get('/metrics', async (ctx: Context) => {
    const { contentType, text } = await scrape();
    ctx.body = text;
    ctx.type = contentType;
  });
}
