import { Gauge, type Registry } from 'prom-client';
import type { SubscriptionLag } from '../subscriptions/lags.js';
import { subscriptionLabels, type TenantLabels } from './tenant-labels.js';

/** What is read when metrics are scraped. */
export interface Gauges {
  /** Bytes of events that wait for Temporal. */
  readonly spoolBytes?: () => number;
  /** Seconds that the oldest of them has waited; 0 when none does. */
  readonly spoolOldestSeconds?: () => number;
  /** Bytes of requests being handled. */
  readonly inFlightBytes?: () => number;
  /** Batches on their way to Temporal. */
  readonly startsInFlight?: () => number;
  /** How far each subscription is behind; what is not known is missing. */
  readonly lags?: () => Promise<readonly SubscriptionLag[]>;
  /** Activities per second that each tenant's queue is set to. */
  readonly paces?: () => Iterable<readonly [tenant: string, activitiesPerSecond: number]>;
}

/** Makes a gauge for each value that is given. */
export function createGauges(registry: Registry, gauges: Gauges, tenants: TenantLabels): void {
  const add = (name: string, help: string, read: (() => number) | undefined): void => {
    if (read === undefined) return;
    const collect = function (this: Gauge): void {
      this.set(read());
    };
    new Gauge({ name, help, registers: [registry], collect });
  };
  add('headgate_spool_bytes', 'Bytes of events that wait for Temporal', gauges.spoolBytes);
  add('headgate_spool_oldest_seconds', 'Age of the oldest of them', gauges.spoolOldestSeconds);
  add('headgate_in_flight_bytes', 'Bytes of requests being handled', gauges.inFlightBytes);
  add('headgate_starts_in_flight', 'Batches on their way to Temporal', gauges.startsInFlight);
  if (gauges.paces !== undefined) addPaces(registry, gauges.paces, tenants);
  if (gauges.lags !== undefined) addLags(registry, gauges.lags, tenants);
}

/** Of the tenants without a label of their own the furthest behind is shown, and what waits for all. One that is behind gets a label. */
function addLags(registry: Registry, lags: NonNullable<Gauges['lags']>, tenants: TenantLabels): void {
  const add = (name: string, help: string, fold: (known: number, lag: SubscriptionLag) => number): void => {
    const collect = async function (this: Gauge<'tenant' | 'subscription'>): Promise<void> {
      const folded = new Map<string, { labels: ReturnType<typeof subscriptionLabels>; value: number }>();
      for (const lag of await lags()) {
        const tenant = lag.batches > 0 ? tenants.of(lag.tenant) : tenants.find(lag.tenant);
        const labels = subscriptionLabels(tenant, lag.subscription);
        const key = `${labels.tenant}/${labels.subscription}`;
        folded.set(key, { labels, value: fold(folded.get(key)?.value ?? 0, lag) });
      }
      this.reset();
      for (const { labels, value } of folded.values()) this.set(labels, value);
    };
    new Gauge({ name, help, labelNames: ['tenant', 'subscription'], registers: [registry], collect });
  };
  add(
    'headgate_subscription_lag_seconds',
    'Age of the oldest batch that waits in the queue of a subscription; for the warehouse, of the oldest load window',
    (known, { oldestSeconds }) => Math.max(known, oldestSeconds),
  );
  add(
    'headgate_subscription_waiting_batches',
    'Batches that wait in the queue of a subscription; for the warehouse, load windows',
    (known, { batches }) => known + batches,
  );
}

/** Of the tenants without a label of their own the slowest is shown. A gauge gives out no labels: it knows idle tenants, too. */
function addPaces(registry: Registry, paces: NonNullable<Gauges['paces']>, tenants: TenantLabels): void {
  new Gauge({
    name: 'headgate_pace_activities_per_second',
    help: "Rate that a tenant's queue is set to; below its configured rate while its loads are held back",
    labelNames: ['tenant'],
    registers: [registry],
    collect() {
      const slowest = new Map<string, number>();
      for (const [id, rate] of paces()) {
        const tenant = tenants.find(id);
        slowest.set(tenant, Math.min(rate, slowest.get(tenant) ?? Number.POSITIVE_INFINITY));
      }
      this.reset();
      for (const [tenant, rate] of slowest) this.set({ tenant }, rate);
    },
  });
}
