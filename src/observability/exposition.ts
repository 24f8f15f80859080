import { Registry, type Metric, type OpenMetricsContentType } from 'prom-client';

/** What a scraper may ask for, as `Accept` names it. */
export const FORMATS = {
  prometheus: Registry.PROMETHEUS_CONTENT_TYPE,
  openmetrics: Registry.OPENMETRICS_CONTENT_TYPE,
} as const;

/** A text format of metrics. OpenMetrics has exemplars. */
export type Format = keyof typeof FORMATS;

/** All metrics of a registry in a text format. */
export function textOf(registry: Registry, format: Format): Promise<string> {
  if (format === 'prometheus') return registry.metrics();
  // A registry renames its counters for good when it writes OpenMetrics: this one has stand-ins for them.
  const writer = new Registry<OpenMetricsContentType>();
  writer.setContentType(FORMATS.openmetrics);
  for (const metric of registry.getMetricsAsArray())
    writer.registerMetric(standIn(metric as unknown as Counted));
  return writer.metrics();
}

/** What prom-client asks of a metric to write it out. */
interface Counted {
  readonly name: string;
  readonly type: string;
  get(): Promise<{ readonly name: string }>;
}

/** OpenMetrics names a family of counters without the `_total` that each of its values has. */
function standIn(metric: Counted): Metric {
  if (metric.type !== 'counter') return metric as unknown as Metric;
  const { name, type } = metric;
  const get = async () => ({ ...(await metric.get()), name: name.replace(/_total$/, '') });
  return { name, type, get } as unknown as Metric;
}
