import { HeadgateError, messageOf } from '../../../errors.js';
import { STREAMS, type Stream } from '../../../events/event.js';
import { LOAD_JOBS, type CountedJob } from '../../../stores/warehouse/load-quotas.js';
import { atOnce } from '../../../platform/at-once.js';
import type { Logger } from '../../../platform/logger.js';
import { JobCounts, type BudgetedTenant, type PastLoadJob, type ProjectUsage } from './job-counts.js';
import { QuotaBackoff } from './quota-backoff.js';
import { DAY_MS, MINUTE_MS } from '../../../platform/time.js';

/** From here on loads of a table wait: what other processes have submitted since the last look is not known yet. */
const TABLE_HOLDS_AT = 1_400;
/** From here on loads wait of tenants that have had more than their share of the project. */
const PROJECT_SHARES_AT = 0.9 * LOAD_JOBS.perProject;
/** From here on all loads of the project wait. */
const PROJECT_HOLDS_AT = 0.99 * LOAD_JOBS.perProject;

/** A load that is held back asks again within this long: jobs pass out of the last 24 hours all the time. */
const ASK_WITHIN_MS = 15 * MINUTE_MS;
/** Nothing much can have changed sooner. */
const ASK_AFTER_MS = 30_000;

/** What other processes have submitted is looked at so often … */
const REFRESH_EVERY_MS = 10 * MINUTE_MS;
/** … where this share of a quota is used; elsewhere each time that is a multiple of this, since a look costs requests. */
const WORTH_A_LOOK = 0.5;
const RARELY = 6;
/** Tenants that are looked at side by side. */
const REFRESH_AT_ONCE = 8;

/** What {@link LoadBudget} needs. */
export interface LoadBudgetOptions {
  /** Tenants in BigQuery, as they are configured now. */
  readonly tenants: () => Iterable<BudgetedTenant>;
  /** Load jobs of a tenant that any process has submitted since, milliseconds since the epoch; failed ones as well. */
  readonly loadsSince: (tenant: string, since: number) => Promise<Iterable<PastLoadJob>>;
  readonly log: Pick<Logger, 'warn' | 'info'>;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** Why a load has to wait. */
interface Wait {
  readonly why: string;
  readonly freeAfterMs: number;
}

/**
 * Counts load jobs against BigQuery's quotas of a table and of a project, which all its tenants share, and holds loads
 * back before either is reached: they fail and are tried again, so that their windows stay in Temporal and their batches
 * in the batch store. Of a project that is nearly used up those tenants wait that have had more than an equal share.
 * Where BigQuery itself says that it was too much, the tenant's loads follow each other more slowly for a while.
 *
 * Each process counts what it submits and looks now and then what all have, see `LoadCounts`. No more is kept of a
 * table than 25 numbers.
 */
export class LoadBudget {
  private readonly now: () => number;
  private readonly counts: JobCounts;
  private readonly backoff = new QuotaBackoff();
  /** Tenants whose loads are held back, until when they count as such. */
  private readonly held = new Map<string, number>();
  /** Tenants that have been looked at, if only without success. */
  private readonly seen = new Set<string>();
  private readonly closing = new AbortController();
  private looks = 0;
  private timer: NodeJS.Timeout | undefined;
  private refreshing: Promise<void> | undefined;
  private restored: Promise<void> | undefined;

  constructor(private readonly options: LoadBudgetOptions) {
    this.now = options.now ?? Date.now;
    this.counts = new JobCounts(this.now);
  }

  /** Looks what has been submitted in the last 24 hours, now and from now on. */
  start(): void {
    void this.restore();
    this.timer ??= setInterval(() => void this.lookAgain(), REFRESH_EVERY_MS).unref();
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
  async hold(of: BudgetedTenant, streams: readonly Stream[]): Promise<void> {
    await this.restore();
    const { tenant, project } = of;
    // One that was added since the last look may have had loads before.
    if (!this.seen.has(tenant)) await this.lookAt(of);
    const wait = this.tableWait(of, streams) ?? this.projectWait(of);
    if (wait !== undefined) throw this.heldBack(tenant, wait);
    const turnMs = this.backoff.takeTurn(tenant, this.now());
    if (turnMs > 0) {
      const why = `BigQuery has said that there were too many loads of tenant ${tenant}: they follow each other more slowly now.`;
      throw quota(why, Math.min(turnMs, ASK_WITHIN_MS));
    }
    if (this.held.delete(tenant)) this.options.log.info('LOADS_RESUMED', { tenant, project });
  }

  /** A load job is about to be submitted: it counts, however it ends. To be called by what submits it, for each. */
  submitted(job: CountedJob): void {
    this.counts.submitted(job);
  }

  /** BigQuery has answered that there are too many jobs. */
  refused(tenant: string, retryAfterSeconds = 0): void {
    this.backoff.refused(tenant, retryAfterSeconds * 1000, this.now());
    const betweenSeconds = this.backoff.spacingMs(tenant) / 1000;
    this.options.log.warn('LOADS_LIMITED', { tenant, betweenSeconds });
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
    return [...projects].sort().map((project) => this.counts.ofProject(project));
  }

  /** Looks what all processes have submitted; never rejects. What cannot be read now is looked at the next time. */
  refresh(): Promise<void> {
    return this.look(() => true);
  }

  /** The same, but mostly of those tenants alone for which it may matter soon. */
  lookAgain(): Promise<void> {
    this.looks += 1;
    const all = this.looks % RARELY === 0;
    return this.look((tenant) => all || this.isNear(tenant));
  }

  private restore(): Promise<void> {
    return (this.restored ??= this.refresh());
  }

  private isNear(tenant: BudgetedTenant): boolean {
    if (this.counts.ofProject(tenant.project).used >= WORTH_A_LOOK * LOAD_JOBS.perProject) return true;
    return STREAMS.some((stream) => this.counts.ofTable(tenant, stream) >= WORTH_A_LOOK * LOAD_JOBS.perTable);
  }

  private look(isOf: (tenant: BudgetedTenant) => boolean): Promise<void> {
    this.refreshing ??= this.lookAtThose(isOf).finally(() => (this.refreshing = undefined));
    return this.refreshing;
  }

  private async lookAtThose(isOf: (tenant: BudgetedTenant) => boolean): Promise<void> {
    const configured = [...this.options.tenants()];
    for (const tenant of this.counts.keep(configured)) {
      this.backoff.forget(tenant);
      this.held.delete(tenant);
      this.seen.delete(tenant);
    }
    await atOnce(REFRESH_AT_ONCE, configured.filter(isOf), async (tenant) => {
      if (!this.closing.signal.aborted) await this.lookAt(tenant);
    });
  }

  private async lookAt(of: BudgetedTenant): Promise<void> {
    const { tenant } = of;
    this.seen.add(tenant);
    try {
      const since = this.now() - DAY_MS - 60 * MINUTE_MS;
      await this.counts.restore(of, () => this.options.loadsSince(tenant, since));
    } catch (error) {
      this.options.log.warn('LOAD_JOBS_UNKNOWN', { tenant, reason: messageOf(error) });
    }
  }

  private tableWait(of: BudgetedTenant, streams: readonly Stream[]): Wait | undefined {
    for (const stream of streams) {
      const used = this.counts.ofTable(of, stream);
      if (used < TABLE_HOLDS_AT) continue;
      const why = `Tenant ${of.tenant} has used ${Math.round(used)} of the ${LOAD_JOBS.perTable} load jobs that BigQuery takes for its ${stream} in 24 hours.`;
      return { why, freeAfterMs: this.counts.freeAfterMs(of, stream, used - TABLE_HOLDS_AT + 1) };
    }
    return undefined;
  }

  private projectWait(of: BudgetedTenant): Wait | undefined {
    const { project, used, active } = this.counts.ofProject(of.project);
    if (used < PROJECT_SHARES_AT) return undefined;
    const own = this.counts.ofTenant(of);
    if (used < PROJECT_HOLDS_AT && own <= PROJECT_SHARES_AT / Math.max(1, active)) return undefined;
    const share = `tenant ${of.tenant} has had ${Math.round(own)}, of ${active} tenants`;
    const why = `Project ${project} has used ${Math.round(used)} of the ${LOAD_JOBS.perProject} load jobs that BigQuery takes in 24 hours; ${share}.`;
    return { why, freeAfterMs: ASK_WITHIN_MS };
  }

  private heldBack(tenant: string, { why, freeAfterMs }: Wait): HeadgateError {
    const now = this.now();
    if ((this.held.get(tenant) ?? 0) <= now)
      this.options.log.warn('LOADS_WAIT_FOR_QUOTA', { tenant, reason: why });
    this.held.set(tenant, now + 2 * ASK_WITHIN_MS);
    return quota(why, Math.min(ASK_WITHIN_MS, Math.max(ASK_AFTER_MS, freeAfterMs)));
  }
}

function quota(why: string, afterMs: number): HeadgateError {
  return new HeadgateError('WAREHOUSE_QUOTA', `${why} Nothing is lost; loads continue automatically.`, {
    retryable: true,
    retryAfterSeconds: afterMs / 1000,
  });
}
