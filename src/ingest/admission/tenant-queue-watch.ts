import type { QueueBacklog } from '../../temporal/queue-backlog.js';

/** What {@link TenantQueueWatch} needs. */
export interface TenantQueueWatchOptions {
  /** Asks Temporal what waits on a tenant's activity queue. */
  readonly describe: (tenant: string) => Promise<QueueBacklog>;
  /** Pause between two refreshes. Default 2 s. */
  readonly intervalMs?: number;
  /** Tenants asked about in one refresh. Default 20: a few milliseconds of Temporal's time each. */
  readonly tenantsPerRefresh?: number;
  /** A tenant that has posted nothing for this long is not asked about, and its backlog forgotten. Default 5 minutes. */
  readonly activeMs?: number;
  readonly now?: () => number;
}

interface Watched {
  askedForAt: number;
  backlog?: QueueBacklog;
}

/**
 * Knows what waits on the activity queues of the tenants that are posting. They are asked about in turn and in the
 * background, a few at a time, so the more of them there are the older an answer may be; a request never waits for one.
 */
export class TenantQueueWatch {
  /** In the order of the last refresh, the longest ago first. */
  private readonly tenants = new Map<string, Watched>();
  private readonly timer: NodeJS.Timeout;
  private refreshing = false;
  private readonly now: () => number;

  constructor(private readonly options: TenantQueueWatchOptions) {
    this.now = options.now ?? Date.now;
    this.timer = setInterval(() => void this.refresh(), options.intervalMs ?? 2_000).unref();
  }

  /** What waited for a tenant when last asked, undefined if that is not known yet; the tenant counts as active from now on. */
  backlogOf(tenant: string): QueueBacklog | undefined {
    const watched = this.tenants.get(tenant);
    if (watched === undefined) {
      this.tenants.set(tenant, { askedForAt: this.now() });
      return undefined;
    }
    watched.askedForAt = this.now();
    return watched.backlog;
  }

  /** Asks about the tenants whose turn it is. A failure leaves what was known: whether Temporal is there is another's question. */
  async refresh(): Promise<void> {
    if (this.refreshing) return;
    this.refreshing = true;
    try {
      for (const [tenant, watched] of this.turn()) {
        watched.backlog = await this.options.describe(tenant).catch(() => watched.backlog);
      }
    } finally {
      this.refreshing = false;
    }
  }

  /** Asks no more. */
  close(): void {
    clearInterval(this.timer);
  }

  /** Takes the next few active tenants from the front and puts them at the back. */
  private turn(): [string, Watched][] {
    const activeSince = this.now() - (this.options.activeMs ?? 5 * 60_000);
    for (const [tenant, { askedForAt }] of this.tenants)
      if (askedForAt < activeSince) this.tenants.delete(tenant);
    const next = [...this.tenants].slice(0, this.options.tenantsPerRefresh ?? 20);
    for (const [tenant, watched] of next) {
      this.tenants.delete(tenant);
      this.tenants.set(tenant, watched);
    }
    return next;
  }
}
