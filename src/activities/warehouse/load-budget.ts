import { HeadgateError, messageOf } from '../../errors.js';
import { STREAMS, type Stream } from '../../event.js';
import { LOAD_JOBS } from '../../stores/warehouse/load-quotas.js';
import type { RegistryLogger } from '../../tenant-config/registry.js';
import { LoadCounts, type OwnCounts } from './load-counts.js';
import { QuotaBackoff } from './quota-backoff.js';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** From here on loads of a table wait: what other processes have submitted since the last look is not known yet. */
const TABLE_HOLDS_AT = 1_400;
/** From here on loads wait of tenants that have had more than their share of the project. */
const PROJECT_SHARES_AT = 0.9 * LOAD_JOBS.perProject;
/** From here on all loads of the project wait. */
const PROJECT_HOLDS_AT = 0.99 * LOAD_JOBS.perProject;

/** A load that is held back asks again within so long: jobs pass out of the last 24 hours all the time. */
const ASK_WITHIN_MS = 15 * MINUTE_MS;
/** Nothing much can have changed sooner. */
const ASK_AFTER_MS = 30_000;

/** What other processes have submitted is looked at so often. */
const REFRESH_EVERY_MS = 10 * MINUTE_MS;
/** Tenants that are looked at side by side. */
const REFRESH_AT_ONCE = 8;

/** A load job, as quotas see it. */
export interface LoadJob {
  /** The project that runs it. */
  readonly project: string;
  readonly tenant: string;
  /** Which of the tenant's tables it loads. */
  readonly stream: Stream;
}

/** A load job that has been submitted. */
export interface PastLoadJob {
  readonly stream: Stream;
  /** When, milliseconds since the epoch. */
  readonly at: number;
}

/** A tenant whose loads are jobs of a project. */
export type BudgetedTenant = Pick<LoadJob, 'project' | 'tenant'>;

/** What {@link LoadBudget} needs. */
export interface LoadBudgetOptions {
  /** Tenants in BigQuery, as they are configured now. */
  readonly tenants: () => Iterable<BudgetedTenant>;
  /** Load jobs of a tenant that any process has submitted since, milliseconds since the epoch; failed ones as well. */
  readonly loadsSince: (tenant: string, since: number) => Promise<Iterable<PastLoadJob>>;
  readonly log: Pick<RegistryLogger, 'warn' | 'info'>;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** How much of a project's load jobs is used, of the last 24 hours. */
export interface ProjectUsage {
  readonly project: string;
  readonly used: number;
  /** The table that has the most; absent while none has any. */
  readonly busiest?: { readonly tenant: string; readonly stream: Stream; readonly used: number };
}

type Tables = Record<Stream, LoadCounts>;

/**
 * Counts load jobs against BigQuery's quotas of a table and of a project, which all its tenants share, and holds loads
 * back before either is reached: they fail and are tried again, so that their windows stay in Temporal and their batches
 * in the batch store. Of a project that is nearly used up those tenants wait that have had more than an equal share.
 * Where BigQuery itself says that it was too much, the tenant's loads follow each other more slowly for a while.
 *
 * Each process counts what it submits and looks now and then what all have; see {@link LoadCounts}. No more is kept of a
 * table than 25 numbers.
 */
export class LoadBudget {
  private readonly projects = new Map<string, Map<string, Tables>>();
  private readonly backoff = new QuotaBackoff();
  /** Tenants whose loads are held back, until when they count as such. */
  private readonly held = new Map<string, number>();
  private readonly closing = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private refreshing: Promise<void> | undefined;
  private restored: Promise<void> | undefined;

  constructor(private readonly options: LoadBudgetOptions) {}

  /** Looks what has been submitted in the last 24 hours, now and from now on. */
  start(): void {
    void this.restore();
    this.timer ??= setInterval(() => void this.refresh(), REFRESH_EVERY_MS).unref();
  }

  /** Looks no more. */
  async close(): Promise<void> {
    this.closing.abort();
    clearInterval(this.timer);
    await this.refreshing;
  }

  /**
   * Resolves when a tenant's load, a job for each of the streams, may begin. To be called before each.
   * @throws HeadgateError `WAREHOUSE_QUOTA`, retryable, with the time after which it is worth asking again
   */
  async hold({ project, tenant }: BudgetedTenant, streams: readonly Stream[]): Promise<void> {
    await this.restore();
    const now = this.now();
    const reason = this.reasonToWait({ project, tenant }, streams, now);
    if (reason !== undefined) throw this.wait(tenant, reason, now);
    const turnMs = this.backoff.takeTurn(tenant, now);
    if (turnMs > 0) {
      const message = `BigQuery has said that there were too many loads of tenant ${tenant}: they follow each other more slowly now.`;
      throw quota(message, Math.min(turnMs, ASK_WITHIN_MS));
    }
    if (this.held.delete(tenant)) this.options.log.info({ tenant, project }, 'loads go on');
  }

  /** A load job is about to be submitted: it counts, however it ends. To be called by what submits it, for each. */
  submitted({ project, tenant, stream }: LoadJob): void {
    this.tablesOf(project, tenant)[stream].add(this.now());
  }

  /** BigQuery has answered that there are too many jobs. */
  refused(tenant: string, retryAfterSeconds = 0): void {
    this.backoff.refused(tenant, retryAfterSeconds * 1000, this.now());
    const betweenSeconds = this.backoff.spacingMs(tenant) / 1000;
    this.options.log.warn({ tenant, betweenSeconds }, 'BigQuery asks for fewer loads: they are slowed down');
  }

  /** A load has worked. */
  loaded(tenant: string): void {
    this.backoff.loaded(tenant);
  }

  /** The least that a tenant's windows should be long now, in milliseconds: while its loads wait, more windows would only be more loads. */
  atLeastMs(tenant: string): number {
    const held = (this.held.get(tenant) ?? 0) > this.now();
    return Math.max(held ? ASK_WITHIN_MS : 0, this.backoff.spacingMs(tenant));
  }

  /** What is used of each project of the configured tenants. */
  usage(): ProjectUsage[] {
    const projects = new Set([...this.options.tenants()].map(({ project }) => project));
    return [...projects].sort().map((project) => usageOf(project, this.projects.get(project), this.now()));
  }

  /** Looks what all processes have submitted; never rejects. What cannot be read now is looked at the next time. */
  refresh(): Promise<void> {
    this.refreshing ??= this.look().finally(() => (this.refreshing = undefined));
    return this.refreshing;
  }

  private restore(): Promise<void> {
    return (this.restored ??= this.refresh());
  }

  private async look(): Promise<void> {
    const tenants = [...this.options.tenants()];
    this.forgetOthers(tenants);
    const left = tenants.values();
    const lookOn = async (): Promise<void> => {
      for (const tenant of left) {
        if (this.closing.signal.aborted) return;
        await this.lookAt(tenant);
      }
    };
    await Promise.all(Array.from({ length: REFRESH_AT_ONCE }, lookOn));
  }

  private async lookAt({ project, tenant }: BudgetedTenant): Promise<void> {
    const tables = this.tablesOf(project, tenant);
    const before = new Map<Stream, OwnCounts>(STREAMS.map((stream) => [stream, tables[stream].own()]));
    try {
      const loads = [...(await this.options.loadsSince(tenant, this.now() - DAY_MS - 60 * MINUTE_MS))];
      for (const stream of STREAMS) {
        const times = loads.filter((load) => load.stream === stream).map(({ at }) => at);
        tables[stream].restore(times, before.get(stream) ?? new Map(), this.now());
      }
    } catch (error) {
      this.options.log.warn({ tenant, reason: messageOf(error) }, 'the load jobs of a tenant are not known');
    }
  }

  /** Tenants that are not in BigQuery any more, or in another project. */
  private forgetOthers(tenants: readonly BudgetedTenant[]): void {
    const kept = new Map(tenants.map(({ tenant, project }) => [tenant, project]));
    for (const [project, byTenant] of this.projects) {
      for (const [tenant, tables] of byTenant) {
        if (kept.get(tenant) === project || usedBy(tables, this.now()) > 0) continue;
        byTenant.delete(tenant);
        if (!kept.has(tenant)) this.backoff.forget(tenant);
      }
      if (byTenant.size === 0) this.projects.delete(project);
    }
  }

  private reasonToWait(
    { project, tenant }: BudgetedTenant,
    streams: readonly Stream[],
    now: number,
  ): { readonly why: string; readonly freeAfterMs: number } | undefined {
    const tables = this.tablesOf(project, tenant);
    for (const stream of streams) {
      const used = tables[stream].used(now);
      if (used < TABLE_HOLDS_AT) continue;
      const why = `Tenant ${tenant} has used ${Math.round(used)} of the ${LOAD_JOBS.perTable} load jobs that BigQuery takes for its ${stream} in 24 hours.`;
      return { why, freeAfterMs: tables[stream].freeAfterMs(used - TABLE_HOLDS_AT + 1, now) };
    }
    const { used, active } = sumOf(this.projects.get(project), now);
    const own = usedBy(tables, now);
    const above = own > PROJECT_SHARES_AT / Math.max(1, active);
    if (used < PROJECT_SHARES_AT || (used < PROJECT_HOLDS_AT && !above)) return undefined;
    const share = `tenant ${tenant} has had ${Math.round(own)}, of ${active} tenants`;
    const why = `Project ${project} has used ${Math.round(used)} of the ${LOAD_JOBS.perProject} load jobs that BigQuery takes in 24 hours; ${share}.`;
    return { why, freeAfterMs: ASK_WITHIN_MS };
  }

  private wait(
    tenant: string,
    { why, freeAfterMs }: { readonly why: string; readonly freeAfterMs: number },
    now: number,
  ): HeadgateError {
    if ((this.held.get(tenant) ?? 0) <= now)
      this.options.log.warn({ tenant, reason: why }, 'loads wait for a quota');
    const afterMs = Math.min(ASK_WITHIN_MS, Math.max(ASK_AFTER_MS, freeAfterMs));
    this.held.set(tenant, now + 2 * ASK_WITHIN_MS);
    return quota(why, afterMs);
  }

  private tablesOf(project: string, tenant: string): Tables {
    let tenants = this.projects.get(project);
    if (tenants === undefined) this.projects.set(project, (tenants = new Map<string, Tables>()));
    let tables = tenants.get(tenant);
    if (tables === undefined) {
      tables = { events: new LoadCounts(), 'user-properties': new LoadCounts(), decisions: new LoadCounts() };
      tenants.set(tenant, tables);
    }
    return tables;
  }

  private now(): number {
    return this.options.now?.() ?? Date.now();
  }
}

function quota(why: string, afterMs: number): HeadgateError {
  return new HeadgateError('WAREHOUSE_QUOTA', `${why} Nothing is lost; loads go on by themselves.`, {
    retryable: true,
    retryAfterSeconds: afterMs / 1000,
  });
}

function usedBy(tables: Tables, now: number): number {
  return STREAMS.reduce((sum, stream) => sum + tables[stream].used(now), 0);
}

/** What a project's tenants have used together, and how many of them have used any. */
function sumOf(
  tenants: ReadonlyMap<string, Tables> | undefined,
  now: number,
): { readonly used: number; readonly active: number } {
  let [used, active] = [0, 0];
  for (const tables of tenants?.values() ?? []) {
    const own = usedBy(tables, now);
    used += own;
    if (own > 0) active += 1;
  }
  return { used, active };
}

function usageOf(
  project: string,
  tenants: ReadonlyMap<string, Tables> | undefined,
  now: number,
): ProjectUsage {
  let busiest: ProjectUsage['busiest'];
  for (const [tenant, tables] of tenants ?? []) {
    for (const stream of STREAMS) {
      const used = tables[stream].used(now);
      if (used > (busiest?.used ?? 0)) busiest = { tenant, stream, used };
    }
  }
  return { project, used: sumOf(tenants, now).used, busiest };
}
