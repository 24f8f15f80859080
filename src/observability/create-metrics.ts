import { Registry, collectDefaultMetrics } from 'prom-client';
import { FORMATS, textOf } from './exposition.js';
import { createGauges } from './metric-gauges.js';
import { createInstruments } from './metric-instruments.js';
import type { Metrics } from './metrics.js';
import { batchMetrics, decisionMetrics, deliveryMetrics, requestMetrics } from './recording.js';
import { createSdkMetrics } from './sdk-metrics.js';
import { createStageInstruments } from './stage-instruments.js';
import { TenantLabels } from './tenant-labels.js';

/** How to measure. */
export interface MetricsOptions {
  /** Tenants that have a label of their own; the rest are `other`. Default 200. */
  readonly maxTenants?: number;
}

const MAX_TENANTS = 200;

/** Gauges of prom-client's that are called as counters are, which `promtool check metrics` refuses. Each is the sum of another. */
const MISNAMED_GAUGES = ['handles', 'requests', 'resources'].map((what) => `nodejs_active_${what}_total`);

/** Builds the metrics of a process, with a registry of their own. */
export function createMetrics({ maxTenants = MAX_TENANTS }: MetricsOptions = {}): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED_GAUGES) registry.removeSingleMetric(name);
  const tenants = new TenantLabels(maxTenants);
  const instruments = createInstruments(registry);
  const parts = { instruments, tenants, stages: createStageInstruments(registry, tenants) };
  const sdk = createSdkMetrics(registry);
  return {
    ...requestMetrics(parts),
    ...decisionMetrics(parts),
    ...batchMetrics(parts),
    ...deliveryMetrics(parts),
    worked: (id, ms) => instruments.loopSeconds.inc({ tenant: tenants.of(id) }, ms / 1000),
    measuredBySdk: (updates) => sdk.take(updates),
    watch: (gauges) => createGauges(registry, gauges, tenants),
    scrape: async (format = 'prometheus') => ({
      contentType: FORMATS[format],
      text: await textOf(registry, format),
    }),
  };
}
