import type { SubscriptionLag, SubscriptionLags } from '../subscriptions/lags.js';
import type { Figure, UsageTotal } from '../stores/usage/figures.js';
import { WAREHOUSE } from '../tenants/subscription.js';
import { ActivityRing, SERIES, type ActivitySample, type Measured } from './activity-ring.js';
import { dayOf, DAY_MS } from '../platform/time.js';

/** How a subscription stands, as of the last look at Temporal. */
interface SubscriptionActivity {
  readonly name: string;
  readonly state: SubscriptionLag['status']['state'];
  readonly reason?: string;
  readonly failing?: SubscriptionLag['failing'];
  readonly batches: number;
  readonly events?: number;
  readonly oldestSeconds: number;
}

/** A tenant among others. */
export interface TenantActivity extends Measured {
  readonly tenant: string;
  /** Subscriptions that fail, or that Headgate has stopped. */
  readonly failing: number;
}

/** What goes on: of one tenant, with its subscriptions, or of all within reach, with the busiest and slowest of them. */
export interface ActivityReport {
  readonly at: string;
  /** When Temporal was asked about subscriptions; absent while that is not known. */
  readonly lookedAt?: string;
  readonly everySeconds: number;
  /** The oldest first. */
  readonly samples: readonly ActivitySample[];
  readonly subscriptions?: readonly SubscriptionActivity[];
  readonly tenants?: readonly TenantActivity[];
}

/** Whom a report is about: one tenant, or all that a caller reaches. */
export interface ActivityQuestion {
  readonly tenant?: string;
  readonly includes: (tenant: string) => boolean;
}

/** What {@link Activity} looks at. */
export interface ActivityOptions {
  readonly tenants: () => readonly string[];
  /** What was counted of a tenant from one day through another. */
  readonly counted: (tenant: string, from: string, through: string) => Iterable<UsageTotal>;
  /** Has a listener called with the tenants of whom more was counted. Returns how to stop. */
  readonly onCounted: (listener: (tenants: ReadonlySet<string>) => void) => () => void;
  readonly lags: Pick<SubscriptionLags, 'reading'>;
  /** When the oldest of a tenant's events came that Temporal does not have yet, milliseconds since the epoch. */
  readonly oldestOf: (tenant: string) => number | undefined;
  /** Milliseconds between two samples. Default 5 s. */
  readonly everyMs?: number;
  readonly now?: () => number;
}

const EVERY_MS = 5_000;
/** Half an hour of samples. */
const MOST_SAMPLES = 360;
/** Tenants whose samples are kept, some 12 kB each; of those that begin later only the sums go on. */
const MOST_KEPT = 500;
/** Tenants that a report lists. */
const MOST_LISTED = 100;
/** Temporal is asked as long as somebody has asked within this time. */
const WANTED_MS = 60_000;

type Counts = ReadonlyMap<string, Readonly<Partial<Record<Figure, number>>>>;

/**
 * Samples what is done for each tenant, and how far each stage is behind, every few seconds. All who look get the same
 * samples: what was counted is read once for all, and Temporal is asked by the one look that the status uses as well.
 */
export class Activity {
  private readonly rings = new Map<string, ActivityRing>();
  /** What was counted of each tenant when it was last looked at, by day. */
  private readonly before = new Map<string, Counts>();
  private readonly changed = new Set<string>();
  private readonly listeners = new Set<() => void>();
  private readonly unfollow: () => void;
  private lags: readonly SubscriptionLag[] = [];
  private lookedAt: number | undefined;
  private sampledAt: number;
  private wantedAt = Number.NEGATIVE_INFINITY;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(private readonly options: ActivityOptions) {
    this.sampledAt = this.now();
    this.unfollow = options.onCounted((tenants) => tenants.forEach((tenant) => this.changed.add(tenant)));
  }

  /** Samples now and then, until it is closed. */
  start(): void {
    for (const tenant of this.options.tenants()) this.before.set(tenant, this.countsOf(tenant));
    this.sampledAt = this.now();
    this.schedule();
  }

  /** Everything that is kept, or the newest sample alone. */
  async report({ tenant, includes }: ActivityQuestion, newestOnly = false): Promise<ActivityReport> {
    const isFirst = performance.now() - this.wantedAt > WANTED_MS;
    this.wantedAt = performance.now();
    // Nobody has asked for a while: what was known then says nothing of now.
    if (isFirst) await this.look();
    const tenants = tenant === undefined ? this.options.tenants().filter(includes) : [tenant];
    const rings = tenants.flatMap((each) => this.rings.get(each) ?? []);
    const samples = ActivityRing.sum(rings, newestOnly ? 1 : MOST_SAMPLES);
    return {
      at: new Date(this.now()).toISOString(),
      ...(this.lookedAt !== undefined && { lookedAt: new Date(this.lookedAt).toISOString() }),
      everySeconds: this.everyMs / 1000,
      samples,
      ...(tenant === undefined
        ? { tenants: this.listed(new Set(tenants)) }
        : { subscriptions: this.lags.filter((lag) => lag.tenant === tenant).map(shown) }),
    };
  }

  /** Calls back after each sample. Returns how to stop. */
  follow(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** True once nothing more will come. */
  get isClosed(): boolean {
    return this.closed;
  }

  /** Samples no more; those who follow are called once more. */
  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.unfollow();
    for (const listener of this.listeners) listener();
    this.listeners.clear();
  }

  /** Takes a sample of every tenant that has done anything lately. */
  async sample(): Promise<void> {
    if (performance.now() - this.wantedAt < WANTED_MS) await this.look();
    const at = this.now();
    const seconds = Math.max(0.001, (at - this.sampledAt) / 1000);
    this.sampledAt = at;
    const waits = this.waits(at);
    for (const tenant of this.options.tenants()) {
      const ring = this.rings.get(tenant);
      const [spool, load, delivery] = waits.get(tenant) ?? [0, 0, 0];
      if (!this.changed.has(tenant) && ring === undefined && spool + load + delivery === 0) continue;
      const rates = this.changed.has(tenant) ? this.ratesOf(tenant, seconds) : NO_RATES;
      this.ringOf(tenant)?.add(at, [...rates, spool, load, delivery]);
    }
    this.changed.clear();
    for (const listener of this.listeners) listener();
  }

  private schedule(): void {
    if (this.closed) return;
    this.timer = setTimeout(() => void this.sample().finally(() => this.schedule()), this.everyMs).unref();
  }

  private get everyMs(): number {
    return this.options.everyMs ?? EVERY_MS;
  }

  private async look(): Promise<void> {
    const { at, lags } = await this.options.lags.reading();
    this.lookedAt = at;
    this.lags = lags;
  }

  private ringOf(tenant: string): ActivityRing | undefined {
    const known = this.rings.get(tenant);
    if (known !== undefined || this.rings.size >= MOST_KEPT) return known;
    const made = new ActivityRing(MOST_SAMPLES);
    this.rings.set(tenant, made);
    return made;
  }

  /** What was counted of a tenant today and yesterday: what came after midnight is of another day. */
  private countsOf(tenant: string): Counts {
    const now = this.now();
    const counts = new Map<string, Partial<Record<Figure, number>>>();
    for (const { day, figures } of this.options.counted(tenant, dayOf(now - DAY_MS), dayOf(now))) {
      const sums = counts.get(day) ?? {};
      for (const figure of COUNTED) sums[figure] = (sums[figure] ?? 0) + (figures[figure] ?? 0);
      counts.set(day, sums);
    }
    return counts;
  }

  private ratesOf(tenant: string, seconds: number): number[] {
    const before = this.before.get(tenant);
    const counts = this.countsOf(tenant);
    this.before.set(tenant, counts);
    const rate = (figure: Figure): number => {
      let more = 0;
      for (const [day, sums] of counts) more += (sums[figure] ?? 0) - (before?.get(day)?.[figure] ?? 0);
      return Math.max(0, more) / seconds;
    };
    const delivered = rate('deliveredEvents');
    const failed = Math.max(0, rate('deliveryAttempts') - delivered);
    return [rate('events'), rate('decisions'), rate('loadedRows'), delivered, failed];
  }

  /** For how long the oldest waits of each tenant: in the spool, to be loaded, to be delivered. */
  private waits(now: number): Map<string, [spool: number, load: number, delivery: number]> {
    const waits = new Map<string, [number, number, number]>();
    for (const tenant of this.options.tenants()) {
      const oldest = this.options.oldestOf(tenant);
      if (oldest !== undefined) waits.set(tenant, [Math.max(0, now - oldest) / 1000, 0, 0]);
    }
    for (const { tenant, subscription, oldestSeconds } of this.lags) {
      const of = waits.get(tenant) ?? [0, 0, 0];
      waits.set(tenant, of);
      const stage = subscription === WAREHOUSE ? 1 : 2;
      of[stage] = Math.max(of[stage], oldestSeconds);
    }
    return waits;
  }

  private listed(tenants: ReadonlySet<string>): TenantActivity[] {
    const failing = new Map<string, number>();
    for (const lag of this.lags)
      if (isFailing(lag)) failing.set(lag.tenant, (failing.get(lag.tenant) ?? 0) + 1);
    const all = [...tenants].map((tenant) => ({
      tenant,
      failing: failing.get(tenant) ?? 0,
      ...(this.rings.get(tenant)?.newest() ?? NOTHING),
    }));
    if (all.length <= MOST_LISTED) return all;
    const half = MOST_LISTED / 2;
    const busiest = [...all].sort((one, other) => other.acceptedEvents - one.acceptedEvents).slice(0, half);
    const rest = all.filter((each) => !busiest.includes(each));
    const slowest = rest.sort((one, other) => slowness(other) - slowness(one)).slice(0, half);
    return [...busiest, ...slowest];
  }

  private now(): number {
    return this.options.now?.() ?? Date.now();
  }
}

const COUNTED = ['events', 'decisions', 'loadedRows', 'deliveredEvents', 'deliveryAttempts'] as const;
const NO_RATES = [0, 0, 0, 0, 0];
const NOTHING = Object.fromEntries(SERIES.map((name) => [name, 0])) as unknown as Measured;

function slowness({ failing, spoolSeconds, loadSeconds, deliverySeconds }: TenantActivity): number {
  return failing * 86_400 + Math.max(spoolSeconds, loadSeconds, deliverySeconds);
}

function isFailing({ status: { state, by }, failing }: SubscriptionLag): boolean {
  return failing !== undefined || state === 'disabled' || state === 'breaker-open' || by === 'headgate';
}

function shown({
  subscription,
  status,
  failing,
  batches,
  events,
  oldestSeconds,
}: SubscriptionLag): SubscriptionActivity {
  return {
    name: subscription,
    state: status.state,
    ...(status.reason !== undefined && { reason: status.reason }),
    ...(failing !== undefined && { failing }),
    batches,
    ...(events !== undefined && { events }),
    oldestSeconds,
  };
}
