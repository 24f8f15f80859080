import type { Metrics } from '../observability/metrics.js';
import type { PullObserver } from '../pull/pull.js';

/** Counts what consumers are handed, and what becomes of it; bytes as they are handed out, the rest when a lot ends. */
export function observePull(metrics: Metrics | undefined): PullObserver {
  if (metrics === undefined) return {};
  return {
    onPulled: ({ tenant, subscription, bytes }) =>
      metrics.deliveryTried(tenant, subscription, { delivered: 0, failed: 0, retried: 0, bytes, seconds: 0 }),
    onKeysFailed: ({ tenant, failures }) => metrics.expressionsFailed(tenant, failures),
    onLotEnd: ({ tenant, subscription, delivered, failed, seconds }) => {
      metrics.deliveryTried(tenant, subscription, {
        ...{ delivered, failed, retried: failed },
        ...{ bytes: 0, seconds: 0 },
      });
      metrics.deliveryActivity(tenant, subscription, seconds);
    },
  };
}
