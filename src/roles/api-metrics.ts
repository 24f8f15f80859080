import { createReadiness, type ReadinessCheck } from '../api/routes/health.js';
import type { Spool } from '../ingest/spool.js';
import type { Metrics } from '../observability/metrics.js';
import type { PullObserver } from '../pull/pull.js';
import type { SubscriptionLags } from '../subscriptions/lags.js';
import type { TenantConfig } from '../tenants/config/tenant-config.js';
import type { ApiRoleOptions } from './api-role-options.js';
import type { IngestParts } from './ingest-parts.js';
import { secondsSince } from '../platform/time.js';

/** What {@link watchApi} looks at. */
export interface WatchedApi {
  readonly lags: Pick<SubscriptionLags, 'read'>;
  readonly spool: Spool;
  readonly parts: IngestParts;
  readonly readiness: readonly ReadinessCheck[];
}

/** Has the metrics read the API role when they are scraped. */
export function watchApi(
  { config, registry, metrics }: ApiRoleOptions,
  { lags, spool, parts, readiness }: WatchedApi,
): void {
  const tenants = (): TenantConfig[] => registry.list().map((loaded) => loaded.config);
  const readinessNow = createReadiness(readiness);
  const { admission, batcher } = parts;
  metrics?.watch({
    spoolBytes: () => spool.bytes,
    spoolLimitBytes: () => config.maxSpoolBytes,
    spoolOldestSeconds: () => waitedSeconds(batcher.oldestAt),
    inFlightBytes: () => admission.inFlightBytes,
    startsInFlight: () => batcher.inFlight,
    disks: () => parts.disks(),
    diskReserveBytes: () => config.minFreeDiskBytes,
    checks: async () => (await readinessNow()).checks,
    backlogs: () =>
      tenants().map(({ tenant }) => {
        const { bytes } = batcher.backlog(tenant);
        return { tenant, bytes, oldestSeconds: waitedSeconds(batcher.oldestOf(tenant)) };
      }),
    lags: () => lags.read(),
  });
}

function waitedSeconds(oldestAt: number | undefined): number {
  return oldestAt === undefined ? 0 : secondsSince(oldestAt);
}

/**
 * Counts what consumers are handed, and what becomes of it; bytes as they are handed out, the rest when a leased batch
 * ends.
 */
export function observePull(metrics: Metrics | undefined): PullObserver {
  if (metrics === undefined) return {};
  return {
    onPulled: ({ tenant, subscription, bytes }) =>
      metrics.deliveryTried(tenant, subscription, { delivered: 0, failed: 0, retried: 0, bytes, seconds: 0 }),
    onKeysFailed: ({ tenant, failures }) => metrics.expressionsFailed(tenant, failures),
    onLeasedBatchEnd: ({ tenant, subscription, delivered, failed, seconds, batch, cause }) => {
      const counts = { delivered, failed, retried: failed, bytes: 0 };
      metrics.deliveryTried(tenant, subscription, { ...counts, seconds: 0, batch, cause });
      metrics.deliveryActivity(tenant, subscription, seconds);
    },
  };
}
