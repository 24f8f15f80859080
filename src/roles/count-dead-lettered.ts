import type { Metrics } from '../observability/metrics.js';
import type { DeadLetterEventsInput } from '../workflows/messages/deliveries.js';

/** Counts events that have become dead letters, in whichever role. */
export function countDeadLettered(metrics: Metrics | undefined): (input: DeadLetterEventsInput) => void {
  return ({ delivery: { tenant, subscription }, dead }) =>
    metrics?.deadLettered(tenant, subscription, dead.reason, dead.count);
}
