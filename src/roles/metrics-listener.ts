import Router from '@koa/router';
import Koa from 'koa';
import { mount } from '../api/mount.js';
import { createReadiness, HEALTH_ROUTES, type ReadinessCheck } from '../api/routes/health.js';
import { createScrape, METRICS_ROUTES } from '../api/routes/metrics.js';
import { listen, type ListeningApi } from '../api/server.js';
import type { Metrics } from '../observability/metrics.js';

/** What {@link listenForScrapes} needs. */
export interface MetricsListenerOptions {
  readonly metrics: Metrics;
  readonly readiness: readonly ReadinessCheck[];
  readonly host: string;
  readonly port: number;
}

/**
 * Serves `/metrics`, `/healthz` and `/readyz` for a process that has no API.
 * @throws HeadgateError `PORT_IN_USE`
 */
export function listenForScrapes(options: MetricsListenerOptions): Promise<ListeningApi> {
  const app = new Koa();
  const router = new Router();
  mount(router, HEALTH_ROUTES, { readinessNow: createReadiness(options.readiness) });
  mount(router, METRICS_ROUTES, { scrape: createScrape(options.metrics) });
  app.use(router.routes()).use(router.allowedMethods());
  return listen(app, options.host, options.port, { portVariable: 'HEADGATE_METRICS_PORT' });
}
