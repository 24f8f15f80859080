import type { Context } from 'koa';
import type { Metrics } from '../../observability/metrics.js';
import { ANSWERED, route } from '../route.js';
import { FORMATS, type Format } from '../../observability/exposition.js';
import { sharedAnswer } from '../../platform/shared-answer.js';

/** A scrape writes out thousands of lines. */
const KNOWN_FOR_MS = 500;

/** What the route of metrics needs of the process. */
export interface MetricsServices {
  readonly scrape: (format: Format) => ReturnType<Metrics['scrape']>;
}

/** Makes what writes the metrics out, twice a second at most in each format. */
export function createScrape(metrics: Pick<Metrics, 'scrape'>): MetricsServices['scrape'] {
  const answers = {
    prometheus: sharedAnswer(() => metrics.scrape('prometheus'), KNOWN_FOR_MS),
    openmetrics: sharedAnswer(() => metrics.scrape('openmetrics'), KNOWN_FOR_MS),
  };
  return (format) => answers[format]();
}

/** What the scraper prefers; one that takes neither gets what all have always got. */
function formatFor(ctx: Context): Format {
  const preferred = ctx.accepts(Object.values(FORMATS).map(withoutCharset));
  return preferred === withoutCharset(FORMATS.openmetrics) ? 'openmetrics' : 'prometheus';
}

function withoutCharset(mediaType: string): string {
  return mediaType.replace(/; charset=.*$/, '');
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
        "In Prometheus' text format, or where `Accept` prefers it in that of OpenMetrics, whose exemplars name batches. It names tenants, so it is not for the outside: the balancer before Headgate must not pass it on.",
      answer: { status: 200, description: 'The metrics.', mediaType: 'text/plain' },
      examples: [{ name: 'all', summary: 'All of them' }],
    },
    async ({ scrape }: MetricsServices, { ctx }) => {
      const { contentType, text } = await scrape(formatFor(ctx));
      ctx.vary('Accept');
      ctx.body = text;
      ctx.type = contentType;
      return ANSWERED;
    },
  ),
];
