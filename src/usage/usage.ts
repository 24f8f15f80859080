import { messageOf } from '../errors.js';
import type { EventRow } from '../events/event.js';
import type { ReachedBudget } from '../ingest/admission/admission.js';
import { atOnce } from '../platform/at-once.js';
import { createGroupCommit } from '../platform/group-commit.js';
import type { Logger } from '../platform/logger.js';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, dayOf } from '../platform/time.js';
import type { UsageTotal } from '../stores/usage/figures.js';
import type { UsageLedger } from '../stores/usage/ledger.js';
import { ownBatchId, tryOwnBatch, type OwnBatch, type OwnBatchOptions } from '../subscriptions/own-batch.js';
import type { TenantRegistry } from '../tenants/config/registry.js';
import { budgetEvent, reachedBudgets } from './budgets.js';
import { closedDays, usageEvents } from './daily.js';
import type { Prices } from './prices.js';
import { usageReport, type UsageQuery, type UsageReport } from './report.js';

/** What {@link Usage} needs. */
export interface UsageOptions extends OwnBatchOptions {
  readonly ledger: Pick<UsageLedger, 'fold' | 'of' | 'tenants' | 'noteOf' | 'note' | 'expire' | 'close'>;
  readonly registry: Pick<TenantRegistry, 'get' | 'list' | 'onChange'>;
  /** Default: nothing costs anything. */
  readonly prices?: Prices;
  /** Days that usage is kept. */
  readonly days: number;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** Milliseconds between looks at the journals. Default 1 s. */
  readonly everyMs?: number;
  readonly now?: () => number;
}

/** Days are looked for this often, and after this time where one could not be told. */
const DAYS_EVERY_MS = HOUR_MS / 4;
const DAYS_AGAIN_MS = MINUTE_MS;
/** All tenants have a new day at the same time. */
const DAYS_AT_ONCE = 8;

/**
 * Adds up what all processes of a data directory have counted, in the one that holds its spool: reports it, looks after
 * budgets, and tells each tenant once a day by events of its own, which its warehouse has.
 */
export class Usage {
  private readonly folded: () => Promise<void>;
  /** Tenants whose budgets are to be looked at. */
  private readonly toCheck = new Set<string>();
  private readonly reached = new Map<string, ReachedBudget>();
  private readonly unfollow: () => void;
  private readonly now: () => number;
  private timer: NodeJS.Timeout | undefined;
  private ticking: Promise<void> = Promise.resolve();
  private dailyAt = 0;
  private tellingDays: Promise<void> | undefined;
  private stopped = false;
  private readonly telling = new Map<string, Promise<void>>();
  private readonly closing = new AbortController();
  private readonly listeners = new Set<(tenants: ReadonlySet<string>) => void>();

  constructor(private readonly options: UsageOptions) {
    this.now = options.now ?? Date.now;
    this.folded = createGroupCommit(async () => {
      const counted = await options.ledger.fold();
      for (const tenant of counted) this.toCheck.add(tenant);
      if (counted.size > 0) for (const listener of this.listeners) listener(counted);
    });
    for (const { config } of options.registry.list()) this.toCheck.add(config.tenant);
    this.unfollow = options.registry.onChange(({ tenant }) => {
      this.toCheck.add(tenant);
    });
  }

  /** Looks now, and every second from then on. */
  async start(): Promise<void> {
    await this.tick();
    this.schedule();
  }

  /**
   * What a tenant has used, up to now; without one, what all tenants have that are within reach.
   * @throws HeadgateError `PARAMETER_INVALID`; `DISK_FULL` (retryable)
   */
  async report(
    { tenant, reaches }: { readonly tenant?: string; readonly reaches: (tenant: string) => boolean },
    query: UsageQuery,
  ): Promise<UsageReport> {
    await this.folded();
    const { ledger, prices } = this.options;
    const tenants = tenant === undefined ? [...ledger.tenants()].filter(reaches) : [tenant];
    const report = usageReport({ of: (...of) => ledger.of(...of), prices }, tenants, query, this.now());
    return { ...(tenant !== undefined && { tenant }), ...report };
  }

  /** What was counted of a tenant from one day through another, as far as it has been added up. */
  counted(tenant: string, from: string, through: string): Iterable<UsageTotal> {
    return this.options.ledger.of(tenant, from, through);
  }

  /** Has a listener called with the tenants of whom more was counted. Returns how to stop. */
  onCounted(listener: (tenants: ReadonlySet<string>) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Until when a tenant's events are refused for its budget; undefined while they are not. */
  reachedBudgetOf(tenant: string): ReachedBudget | undefined {
    return this.reached.get(tenant);
  }

  /** Waits for the look under way, and closes the ledger. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    this.unfollow();
    await this.ticking;
    this.closing.abort(new Error('the process ends'));
    await Promise.all([this.tellingDays, ...this.telling.values()]);
    await this.options.ledger.close();
  }

  /** Looks once. */
  async tick(): Promise<void> {
    const { ledger, days, log } = this.options;
    try {
      await this.folded();
      for (const tenant of [...this.toCheck]) this.check(tenant);
      const now = this.now();
      if (Math.abs(now - this.dailyAt) < DAYS_EVERY_MS || this.tellingDays !== undefined) return;
      this.dailyAt = now;
      await ledger.expire(dayOf(now - days * DAY_MS));
      this.tellingDays = this.tellDays()
        .catch((error: unknown) => log.warn('USAGE_NOT_FOLDED', { reason: messageOf(error) }))
        .finally(() => (this.tellingDays = undefined));
    } catch (error) {
      log.warn('USAGE_NOT_FOLDED', { reason: messageOf(error) });
    }
  }

  private schedule(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.ticking = this.tick().then(() => this.schedule());
    }, this.options.everyMs ?? SECOND_MS).unref();
  }

  private check(tenant: string): void {
    const { ledger, registry, prices } = this.options;
    const config = registry.get(tenant)?.config;
    const now = this.now();
    const reached =
      config === undefined
        ? []
        : reachedBudgets(config, (...days) => ledger.of(tenant, ...days), prices, now);
    const last = reached.reduce<ReachedBudget | undefined>(
      (latest, each) => (latest === undefined || each.opensAt > latest.opensAt ? each : latest),
      undefined,
    );
    if (last !== undefined && config?.budget.cap === true) this.reached.set(tenant, last);
    else this.reached.delete(tenant);
    this.toCheck.delete(tenant);
    for (const use of reached) {
      const event = (since: number): EventRow[] => [budgetEvent(use, config?.budget.cap === true, since)];
      if (config !== undefined) void this.tell(config.tenant, use.budget, use.period, event);
    }
  }

  /** Tells all tenants of the days that are over. */
  private async tellDays(): Promise<void> {
    const { ledger, prices, registry } = this.options;
    const days = closedDays(this.now());
    const told = registry.list().flatMap(({ config: { tenant } }) => days.map((day) => ({ tenant, day })));
    await atOnce(DAYS_AT_ONCE, told, async ({ tenant, day }) => {
      if (this.closing.signal.aborted) return;
      const events = (since: number): EventRow[] =>
        usageEvents([...ledger.of(tenant, day, day)], prices, since);
      await this.tell(tenant, 'usage', day, events);
    });
  }

  /** Tells a tenant something once, unless that is under way. Resolves also where it is to be tried again. */
  private async tell(
    tenant: string,
    what: string,
    period: string,
    eventsAt: (since: number) => EventRow[],
  ): Promise<void> {
    const { ledger, log } = this.options;
    const key = `${tenant}/${what}/${period}`;
    const note = ledger.noteOf(tenant, what, period);
    if (note?.told === true || this.telling.has(key)) return;
    const since = note?.since ?? this.now();
    const events = eventsAt(since);
    if (events.length === 0) return;
    const told = this.hand(
      { tenant, batchId: ownBatchId(since, `${what}/${period}`), events },
      what,
      period,
      since,
    )
      .catch((error: unknown) => {
        this.toCheck.add(tenant);
        this.dailyAt = this.now() - DAYS_EVERY_MS + DAYS_AGAIN_MS;
        log.warn('USAGE_NOT_TOLD', { tenant, what, reason: messageOf(error) });
      })
      .finally(() => this.telling.delete(key));
    this.telling.set(key, told);
    await told;
  }

  /** The note first: after a crash the same batch is started again. */
  private async hand(batch: OwnBatch, what: string, period: string, since: number): Promise<void> {
    const { ledger, log } = this.options;
    const { tenant } = batch;
    await ledger.note(tenant, what, period, { since, told: false });
    await tryOwnBatch(this.options, batch, this.closing.signal);
    await ledger.note(tenant, what, period, { since, told: true });
    if (what !== 'usage') log.info('BUDGET_USED_UP', { tenant, budget: what, period });
  }
}
