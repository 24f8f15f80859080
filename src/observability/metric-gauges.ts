import { Gauge, type Registry } from 'prom-client';
import { LOAD_JOBS } from '../stores/warehouse/load-quotas.js';
import { addLags, type LagReading } from './subscription-gauges.js';
import { TenantLabels } from './tenant-labels.js';

/** Projects that have a label of their own; there may be one for each tenant. */
const MAX_PROJECTS = 50;

/** What of a tenant waits in the spool. */
interface BacklogReading {
  readonly tenant: string;
  readonly bytes: number;
  readonly oldestSeconds: number;
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
  /** Bytes that the spool may hold. */
  readonly spoolLimitBytes?: () => number;
  /** What of each tenant waits in the spool; those of which nothing does may be left out. */
  readonly backlogs?: () => Iterable<BacklogReading>;
  /** Free bytes of each disk that events are on their way to. */
  readonly disks?: () => Iterable<readonly [disk: string, freeBytes: number]>;
  /** Bytes that are to stay free on each. */
  readonly diskReserveBytes?: () => number;
  /** What the process needs to do its work, and whether it has it. */
  readonly checks?: () => Promise<Iterable<{ readonly name: string; readonly ok: boolean }>>;
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
  add('headgate_spool_limit_bytes', 'Bytes that the spool may hold', gauges.spoolLimitBytes);
  const reserve = 'Bytes that are to stay free on each disk; with less, no events are taken';
  add('headgate_disk_reserve_bytes', reserve, gauges.diskReserveBytes);
  if (gauges.disks !== undefined) addDisks(registry, gauges.disks);
  if (gauges.checks !== undefined) addChecks(registry, gauges.checks);
  if (gauges.backlogs !== undefined) addBacklogs(registry, gauges.backlogs, tenants);
  if (gauges.lags !== undefined) addLags(registry, gauges.lags, tenants);
  if (gauges.loadJobs !== undefined) addLoadJobs(registry, gauges.loadJobs);
  if (gauges.windows !== undefined) addWindows(registry, gauges.windows, tenants);
}

function addDisks(registry: Registry, disks: NonNullable<Gauges['disks']>): void {
  new Gauge({
    name: 'headgate_disk_free_bytes',
    help: 'Free bytes of the disk of a part of the data directory',
    labelNames: ['disk'],
    registers: [registry],
    collect() {
      for (const [disk, freeBytes] of disks()) this.set({ disk }, freeBytes);
    },
  });
}

function addChecks(registry: Registry, checks: NonNullable<Gauges['checks']>): void {
  new Gauge({
    name: 'headgate_ready',
    help: 'Whether the process has what it needs, by check of /readyz: 1 or 0',
    labelNames: ['check'],
    registers: [registry],
    async collect() {
      for (const { name, ok } of await checks()) this.set({ check: name }, ok ? 1 : 0);
    },
  });
}

/** Of the tenants without a label of their own: what waits of all, and the age of the oldest. */
function addBacklogs(
  registry: Registry,
  backlogs: NonNullable<Gauges['backlogs']>,
  tenants: TenantLabels,
): void {
  type Fold = (known: number, backlog: BacklogReading) => number;
  const add = (name: string, help: string, fold: Fold): void => {
    const collect = function (this: Gauge<'tenant'>): void {
      const folded = new Map<string, number>();
      for (const backlog of backlogs()) {
        const tenant = backlog.bytes > 0 ? tenants.of(backlog.tenant) : tenants.find(backlog.tenant);
        folded.set(tenant, fold(folded.get(tenant) ?? 0, backlog));
      }
      this.reset();
      for (const [tenant, value] of folded) this.set({ tenant }, value);
    };
    new Gauge({ name, help, labelNames: ['tenant'], registers: [registry], collect });
  };
  add(
    'headgate_backlog_bytes',
    "Bytes of a tenant's events that wait to be in a batch",
    (known, { bytes }) => known + bytes,
  );
  add(
    'headgate_backlog_oldest_seconds',
    "Age of a tenant's oldest event that waits to be in a batch; 0 when none does",
    (known, { oldestSeconds }) => Math.max(known, oldestSeconds),
  );
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
