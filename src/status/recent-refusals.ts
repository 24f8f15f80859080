import type { ErrorCode } from '../errors.js';
import { SECOND_MS } from '../platform/time.js';

/** That a tenant's requests are refused for its own limits. */
export interface Refusals {
  readonly tenant: string;
  /** The code that most of them were refused with. */
  readonly code: string;
  readonly perSecond: number;
  /** Since when, milliseconds since the epoch. */
  readonly since: number;
}

interface Counted {
  readonly since: number;
  /** Of the period that goes on, and of the one before, by code. */
  now: Map<string, number>;
  before: ReadonlyMap<string, number>;
  startedAt: number;
}

/** A tenant's own limits: what concerns all is said of all. */
const OWN_LIMITS: ReadonlySet<string> = new Set<ErrorCode>([
  'TENANT_RATE_LIMITED',
  'TENANT_IN_FLIGHT_FULL',
  'TENANT_BACKLOG_FULL',
]);
const PERIOD_MS = 30 * SECOND_MS;
/** From here on it is said; the alert `HeadgateTenantRefused` has the same. */
const SAID_PER_SECOND = 1;

/** Counts the requests that this process has lately refused for a tenant's own limits. Times are milliseconds since the epoch. */
export class RecentRefusals {
  private readonly tenants = new Map<string, Counted>();

  constructor(private readonly now: () => number = Date.now) {}

  /** To be called for each request that is refused; tenants are those that there are. */
  refused(tenant: string, code: string): void {
    if (!OWN_LIMITS.has(code)) return;
    const counted = this.turned(tenant) ?? this.begin(tenant);
    counted.now.set(code, (counted.now.get(code) ?? 0) + 1);
  }

  /** The tenants of which more than one request a second is refused. */
  list(): Refusals[] {
    const now = this.now();
    return [...this.tenants.keys()].flatMap((tenant) => {
      const counted = this.turned(tenant);
      if (counted === undefined) return [];
      const seconds = (PERIOD_MS + Math.max(0, now - counted.startedAt)) / 1000;
      const sums = summed(counted);
      const perSecond = [...sums.values()].reduce((sum, each) => sum + each, 0) / seconds;
      if (perSecond <= SAID_PER_SECOND) return [];
      const [code = ''] = [...sums].sort(([, one], [, other]) => other - one)[0] ?? [];
      return [{ tenant, code, perSecond, since: counted.since }];
    });
  }

  private begin(tenant: string): Counted {
    const since = this.now();
    const counted = { since, now: new Map<string, number>(), before: new Map(), startedAt: since };
    this.tenants.set(tenant, counted);
    return counted;
  }

  /** What was counted of a tenant, with its periods as of now; undefined, and forgotten, where that is over. */
  private turned(tenant: string): Counted | undefined {
    const counted = this.tenants.get(tenant);
    if (counted === undefined) return undefined;
    const now = this.now();
    const age = Math.abs(now - counted.startedAt);
    if (age < PERIOD_MS) return counted;
    if (age >= 2 * PERIOD_MS || counted.now.size === 0) {
      this.tenants.delete(tenant);
      return undefined;
    }
    [counted.before, counted.now, counted.startedAt] = [counted.now, new Map(), now];
    return counted;
  }
}

function summed({ now, before }: Counted): Map<string, number> {
  const sums = new Map(before);
  for (const [code, count] of now) sums.set(code, (sums.get(code) ?? 0) + count);
  return sums;
}
