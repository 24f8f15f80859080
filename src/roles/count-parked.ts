import type { Metrics } from '../observability/metrics.js';
import type { ParkInput } from '../workflows/messages/deliveries.js';

/** Counts events that have become dead letters, in whichever role. */
export function countParked(metrics: Metrics | undefined): (input: ParkInput) => void {
  return ({ delivery: { tenant, subscription }, dead }) =>
    metrics?.deadLettered(tenant, subscription, dead.reason, dead.count);
}
