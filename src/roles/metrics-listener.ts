import Router from '@koa/router';
import Koa from 'koa';
import { addHealthRoutes, type ReadinessCheck } from '../api/routes/health.js';
import { addMetricsRoute } from '../api/routes/metrics.js';
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
  addHealthRoutes(router, options.readiness);
  addMetricsRoute(router, options.metrics);
  app.use(router.routes()).use(router.allowedMethods());
  return listen(app, options.host, options.port, { portVariable: 'HEADGATE_METRICS_PORT' });
}
