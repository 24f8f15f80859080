import type { Client } from '@temporalio/client';
import { messageOf } from '../errors.js';
import type { Logger } from '../platform/logger.js';
import { WAREHOUSE } from '../tenants/subscription.js';
import type { TenantConfig } from '../tenants/config/tenant-config.js';
import type { QueueSettings } from '../temporal/queue-rates.js';
import { subscriptionQueue, tenantQueue } from '../tenants/queues.js';
import { notedOf, type Noted } from './noted.js';
import { openWork, type OpenWork } from './open-work.js';
import { QueueLooks, type LookedAt, type QueueState } from './queue-looks.js';
import { statusOf, type SubscriptionStatus } from './status.js';
import type { WaitingBatches } from './waiting-deliveries.js';
import type { WaitingLoad } from './waiting-load.js';

/** How far a subscription is behind, how it stands, and whether it fails: what metrics and the status of a node say of it. */
export interface SubscriptionLag extends Noted {
  readonly tenant: string;
  readonly subscription: string;
  /** Age of the oldest batch on its way to it; of the oldest load window for the warehouse. */
  readonly oldestSeconds: number;
  /** Batches on their way to it; load windows for the warehouse. */
  readonly batches: number;
  /**
   * Events of those batches. One that is delivered in part counts as a whole, and a redriven one as one event. Absent for the
   * warehouse: how many its windows hold is in their histories.
   */
  readonly events?: number;
  /** How it stands, and why; as if it were active until it has been asked about. */
  readonly status: SubscriptionStatus;
  /** When its queue was asked how it stands, milliseconds since the epoch; absent until that has been answered. */
  readonly askedAt?: number;
  /** Of the warehouse: there while its oldest load window has closed and has not been loaded for long. */
  readonly load?: WaitingLoad;
}

/** What is known of all subscriptions, and since when. */
export interface LagReading {
  /** When it was asked what waits, milliseconds since the epoch; undefined while nothing is known. */
  readonly at?: number;
  readonly lags: readonly SubscriptionLag[];
}

/** What {@link SubscriptionLags} needs. */
export interface SubscriptionLagsOptions {
  readonly client: Client;
  readonly queues: QueueSettings;
  /** All tenants as they are configured now. */
  readonly tenants: () => readonly TenantConfig[];
  readonly log: Pick<Logger, 'warn'>;
  /** Milliseconds between two looks, at least. Default 15 s. */
  readonly everyMs?: number;
  /** A load window that is older than its length by this much is late, in milliseconds. Default 30 s. */
  readonly lateMs?: number;
  /** How long a reader waits for a look, in milliseconds. Default 2 s. */
  readonly waitMs?: number;
}

const EVERY_MS = 15_000;
const WAIT_MS = 2_000;
/** What is younger than this many times between two looks is given at once, also while the next look goes on. */
const FRESH = 1.5;
/** Temporal has this long to answer one question. */
const ANSWER_WITHIN_MS = 2_000;
/** A look may take a tenth of the time: where it takes long, there is one more rarely. */
const REST_PER_LOOK = 10;
/** What is older than this tells nothing of now. */
const MAX_AGE_MS = 5 * 60_000;
/** A load window that is older than its length by this much is asked why. */
const LATE_MS = 30_000;
/** What has waited for this long may fail, or be held back. */
const URGENT_SECONDS = 2;
/** As many that have most on their way are looked at each time: what costs much is among them. */
const BUSIEST = 20;

/**
 * Knows how far all subscriptions are behind, by asking Temporal now and then: what waits, with a few questions for all; how
 * they stand, of those where something may have changed, and of the others in turn. Readers get what was found last, so that
 * however many read and however slow Temporal is, it is asked by one look at a time and nobody waits for long. What is not
 * answered is kept as it was, with its age.
 */
export class SubscriptionLags {
  private readonly queues: QueueLooks;
  private readonly counted = new Map<string, WaitingBatches>();
  private work: OpenWork | undefined;
  private found: readonly SubscriptionLag[] = [];
  /** When what waits began to be asked for, milliseconds since the epoch; undefined where it has never been answered. */
  private knownAt: number | undefined;
  private foundAt = Number.NEGATIVE_INFINITY;
  private isAway = false;
  private dueAt = Number.NEGATIVE_INFINITY;
  private looking: Promise<void> | undefined;
  /** The part of a look that asks what waits. */
  private listing: Promise<void> | undefined;

  constructor(private readonly options: SubscriptionLagsOptions) {
    const onFailure = (reason: string): void => options.log.warn('LAG_UNKNOWN', { reason });
    this.queues = new QueueLooks({ ask: (tenant, name) => this.stateOf(tenant, name), onFailure });
  }

  /** What was found last, unless Temporal did not answer then; never rejects. */
  async read(): Promise<readonly SubscriptionLag[]> {
    const { lags } = await this.reading();
    return this.isAway ? [] : lags;
  }

  /** What was found last, if that is not long ago, with when that was. */
  async reading(): Promise<LagReading> {
    if (performance.now() >= this.dueAt)
      this.looking ??= this.look().finally(() => (this.looking = undefined));
    const isFresh = performance.now() - this.foundAt < FRESH * (this.options.everyMs ?? EVERY_MS);
    const awaited = this.knownAt === undefined ? this.looking : isFresh ? undefined : this.listing;
    if (awaited !== undefined) await atMost(this.options.waitMs ?? WAIT_MS, awaited);
    const isKnown = this.knownAt !== undefined && performance.now() - this.foundAt < MAX_AGE_MS;
    return isKnown ? { at: this.knownAt, lags: this.found } : { lags: [] };
  }

  /** Has the next look ask how a subscription stands: that has just changed. */
  hurry(tenant: string, subscription: string): void {
    this.queues.hurry(tenant, subscription);
  }

  private async look(): Promise<void> {
    const began = performance.now();
    const tenants = this.options.tenants();
    this.listing = this.list(tenants).finally(() => (this.listing = undefined));
    await this.listing;
    if (this.work !== undefined && !this.isAway) {
      const { work } = this;
      this.found = this.combined(tenants, work);
      await this.queues.look(this.lookedAt(tenants, work));
      this.found = this.combined(tenants, work);
    }
    const ended = performance.now();
    const restMs = REST_PER_LOOK * (ended - began);
    this.dueAt = ended + (this.isAway ? 0 : restMs);
    this.dueAt = Math.max(this.dueAt, ended + (this.options.everyMs ?? EVERY_MS));
  }

  /** Asks what waits. */
  private async list(tenants: readonly TenantConfig[]): Promise<void> {
    const at = Date.now();
    try {
      const { client, lateMs = LATE_MS } = this.options;
      const since = this.knownAt ?? at;
      this.work = await openWork({ client, tenants, lateMs, since });
      if (this.work.deliveries.complete) this.counted.clear();
      this.knownAt = at;
      this.foundAt = performance.now();
      this.isAway = false;
    } catch (error) {
      this.isAway = true;
      this.options.log.warn('LAG_UNKNOWN', { reason: messageOf(error) });
    }
  }

  private inTime<T>(ask: () => Promise<T>): Promise<T> {
    return this.options.client.withDeadline(Date.now() + ANSWER_WITHIN_MS, ask);
  }

  private combined(tenants: readonly TenantConfig[], work: OpenWork): SubscriptionLag[] {
    return tenants.flatMap(({ tenant, subscriptions }) => [
      this.warehouseLag(tenant, work),
      ...subscriptions.map(({ name }) => ({
        tenant,
        subscription: name,
        ...(this.counted.get(`${tenant}/${name}`) ?? work.deliveries.seen(tenant, name)),
        ...this.knownState(tenant, name),
      })),
    ]);
  }

  private warehouseLag(tenant: string, { windows, loads }: OpenWork): SubscriptionLag {
    const { windows: batches = 0, oldestSeconds = 0 } = windows.get(tenant) ?? {};
    const waiting = { tenant, subscription: WAREHOUSE, oldestSeconds, batches, load: loads.get(tenant) };
    return { ...waiting, ...this.knownState(tenant, WAREHOUSE) };
  }

  private knownState(tenant: string, name: string): Pick<SubscriptionLag, 'status' | 'askedAt'> & Noted {
    return this.queues.of(tenant, name) ?? { status: { state: 'active' } };
  }

  private lookedAt(tenants: readonly TenantConfig[], work: OpenWork): LookedAt[] {
    const busiest = new Set(work.deliveries.busiest(BUSIEST));
    return tenants.flatMap(({ tenant, subscriptions }) => [
      { tenant, subscription: WAREHOUSE, urgent: work.loads.has(tenant) },
      ...subscriptions.map(({ name }) => {
        const key = `${tenant}/${name}`;
        const waits = work.deliveries.seen(tenant, name).oldestSeconds >= URGENT_SECONDS;
        return {
          tenant,
          subscription: name,
          urgent: waits || work.deadLettered.has(key) || busiest.has(key),
        };
      }),
    ]);
  }

  /** How a queue says that a subscription stands, and what waits for it where that could not be listed. */
  private async stateOf(tenant: string, name: string): Promise<QueueState> {
    const { queues } = this.options;
    if (name === WAREHOUSE) {
      const { note } = await this.inTime(() => queues.settings(tenantQueue(tenant)));
      // The rate of a tenant's queue is its pace: how its warehouse stands is a note.
      const rate = note === undefined ? undefined : { activitiesPerSecond: 1, reason: note };
      return { status: statusOf(rate) };
    }
    const { deliveries } = this.work as OpenWork;
    if (!deliveries.complete) {
      const waiting = await this.inTime(() => deliveries.of(tenant, name));
      this.counted.set(`${tenant}/${name}`, waiting);
    }
    const { rate, note } = await this.inTime(() => queues.settings(subscriptionQueue(tenant, name)));
    return { status: statusOf(rate), ...notedOf(note) };
  }
}

async function atMost(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  await Promise.race([work, over]);
  clearTimeout(timer);
}
