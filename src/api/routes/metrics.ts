import type { Metrics } from '../../observability/metrics.js';
import { ANSWERED, route } from '../route.js';
import { sharedAnswer } from '../../platform/shared-answer.js';

/** A scrape writes out thousands of lines. */
const KNOWN_FOR_MS = 500;

/** What the route of metrics needs of the process. */
export interface MetricsServices {
  readonly scrape: Metrics['scrape'];
}

/** Makes what writes the metrics out, twice a second at most. */
export function createScrape(metrics: Pick<Metrics, 'scrape'>): MetricsServices['scrape'] {
  return sharedAnswer(() => metrics.scrape(), KNOWN_FOR_MS);
}

/** `GET /metrics`. */
export const METRICS_ROUTES = [
  route(
    {
      id: 'getMetrics',
      method: 'GET',
      path: '/metrics',
      tag: 'Operation',
      summary: 'Show the metrics',
      description:
        "In Prometheus' text format. It names tenants, so it is not for the outside: the balancer before Headgate must not pass it on.",
      answer: { status: 200, description: 'The metrics.', mediaType: 'text/plain' },
      examples: [{ name: 'all', summary: 'All of them' }],
    },
    async ({ scrape }: MetricsServices, { ctx }) => {
      const { contentType, text } = await scrape();
      ctx.body = text;
      ctx.type = contentType;
      return ANSWERED;
    },
  ),
];
