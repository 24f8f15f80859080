import type Router from '@koa/router';
import type { Context } from 'koa';
import type { Metrics } from '../../observability/metrics.js';

/** Adds `GET /metrics`, in Prometheus' text format. It needs no token and names tenants, so it is not for the outside: the balancer before Headgate must not pass it on. */
export function addMetricsRoute(router: Router, metrics: Pick<Metrics, 'scrape'>): void {
  router.get('/metrics', async (ctx: Context) => {
    const { contentType, text } = await metrics.scrape();
    ctx.body = text;
    ctx.type = contentType;
  });
}
