import { Gauge, type Registry } from 'prom-client';
import { LOAD_JOBS } from '../stores/warehouse/load-quotas.js';
import { subscriptionLabels, TenantLabels } from './tenant-labels.js';

/** Projects that have a label of their own; there may be one for each tenant. */
const MAX_PROJECTS = 50;

/** How far a subscription is behind. */
interface LagReading {
  readonly tenant: string;
  readonly subscription: string;
  /** Age of the oldest batch on its way to it. */
  readonly oldestSeconds: number;
  /** Batches on their way to it. */
  readonly batches: number;
  /** Absent where it is not looked at. */
  readonly state?: string;
  /** For how long what it is given has failed. Absent where that is not looked at. */
  readonly failingSeconds?: number;
}

/** Load jobs of a project in the last 24 hours. */
interface JobReading {
  readonly project: string;
  readonly used: number;
  /** Of the table that has had most; absent while none has any. */
  readonly busiest?: { readonly used: number };
}

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
  readonly lags?: () => Promise<readonly LagReading[]>;
  /** Activities per second that each tenant's queue is set to. */
  readonly paces?: () => Iterable<readonly [tenant: string, activitiesPerSecond: number]>;
  /** Load jobs of BigQuery, by project. */
  readonly loadJobs?: () => Iterable<JobReading>;
  /** How long the load windows of active tenants are. */
  readonly windows?: () => Iterable<readonly [tenant: string, windowMs: number]>;
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
  const oldest = 'Age of the oldest event that waits for Temporal; 0 when none does';
  add('headgate_spool_oldest_seconds', oldest, gauges.spoolOldestSeconds);
  add('headgate_in_flight_bytes', 'Bytes of requests being handled', gauges.inFlightBytes);
  add('headgate_starts_in_flight', 'Batches on their way to Temporal', gauges.startsInFlight);
  if (gauges.paces !== undefined) addPaces(registry, gauges.paces, tenants);
  if (gauges.lags !== undefined) addLags(registry, gauges.lags, tenants);
  if (gauges.loadJobs !== undefined) addLoadJobs(registry, gauges.loadJobs);
  if (gauges.windows !== undefined) addWindows(registry, gauges.windows, tenants);
}

/** Of the projects without a label of their own the one is shown that has used most. */
function addLoadJobs(registry: Registry, loadJobs: NonNullable<Gauges['loadJobs']>): void {
  const projects = new TenantLabels(MAX_PROJECTS);
  const add = (name: string, help: string, read: (usage: JobReading) => number): void => {
    const collect = function (this: Gauge<'project'>): void {
      const most = new Map<string, number>();
      for (const usage of loadJobs()) {
        const project = projects.of(usage.project);
        most.set(project, Math.max(read(usage), most.get(project) ?? 0));
      }
      this.reset();
      for (const [project, value] of most) this.set({ project }, value);
    };
    new Gauge({ name, help, labelNames: ['project'], registers: [registry], collect });
  };
  add('headgate_load_jobs', 'Load jobs of BigQuery in the last 24 hours', ({ used }) => used);
  add(
    'headgate_load_jobs_limit',
    'Load jobs that a project may have in 24 hours',
    () => LOAD_JOBS.perProject,
  );
  const busiest = 'Load jobs in the last 24 hours of the table that has had most';
  add('headgate_table_load_jobs', busiest, ({ busiest: table }) => table?.used ?? 0);
  const perTable = 'Load jobs that a table may have in 24 hours';
  add('headgate_table_load_jobs_limit', perTable, () => LOAD_JOBS.perTable);
}

/** Of the tenants without a label of their own the longest is shown. */
function addWindows(
  registry: Registry,
  windows: NonNullable<Gauges['windows']>,
  tenants: TenantLabels,
): void {
  new Gauge({
    name: 'headgate_load_window_seconds',
    help: 'Length of the load windows that batches of a tenant are announced to; longer than configured while quotas or many tenants ask for it',
    labelNames: ['tenant'],
    registers: [registry],
    collect() {
      const longest = new Map<string, number>();
      for (const [id, windowMs] of windows()) {
        const tenant = tenants.of(id);
        longest.set(tenant, Math.max(windowMs / 1000, longest.get(tenant) ?? 0));
      }
      this.reset();
      for (const [tenant, seconds] of longest) this.set({ tenant }, seconds);
    },
  });
}

const STOPPED: ReadonlySet<string> = new Set(['paused', 'disabled', 'breaker-open']);

/** Of the tenants without a label of their own the furthest behind is shown, and what waits for all. One that is behind, or fails, gets a label. */
function addLags(registry: Registry, lags: NonNullable<Gauges['lags']>, tenants: TenantLabels): void {
  const add = (name: string, help: string, fold: (known: number, lag: LagReading) => number): void => {
    const collect = async function (this: Gauge<'tenant' | 'subscription'>): Promise<void> {
      const folded = new Map<string, { labels: ReturnType<typeof subscriptionLabels>; value: number }>();
      for (const lag of await lags()) {
        const isSilent = lag.batches === 0 && (lag.failingSeconds ?? 0) === 0;
        const tenant = !isSilent ? tenants.of(lag.tenant) : tenants.find(lag.tenant);
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
    'Age of the oldest batch on its way to a subscription; for the warehouse, of the oldest load window',
    (known, { oldestSeconds }) => Math.max(known, oldestSeconds),
  );
  add(
    'headgate_subscription_waiting_batches',
    'Batches on their way to a subscription, those that pause between attempts included; for the warehouse, load windows',
    (known, { batches }) => known + batches,
  );
  add(
    'headgate_subscription_failing_seconds',
    'For how long every try to deliver to a subscription has failed; 0 while the last one has not',
    (known, { failingSeconds = 0 }) => Math.max(known, failingSeconds),
  );
  add(
    'headgate_subscription_stopped',
    'Subscriptions that are paused, disabled, or whose breaker is open: 1 each',
    (known, { state = 'active' }) => known + (STOPPED.has(state) ? 1 : 0),
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
