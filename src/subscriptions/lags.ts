import type { Client } from '@temporalio/client';
import { messageOf } from '../errors.js';
import { atOnce } from '../platform/at-once.js';
import type { Logger } from '../platform/logger.js';
import { WAREHOUSE } from '../tenants/subscription.js';
import type { TenantConfig } from '../tenants/config/tenant-config.js';
import type { QueueSettings } from '../temporal/queue-rates.js';
import { subscriptionQueue, tenantQueue } from '../tenants/queues.js';
import { failingOf, type Failing } from './failing.js';
import { waitingWindows, type FoundWindows } from './load-windows.js';
import { statusOf, type SubscriptionStatus } from './status.js';
import { waitingDeliveries } from './waiting-deliveries.js';
import { waitingLoad, type WaitingLoad } from './waiting-load.js';

/** How far a subscription is behind, how it stands, and whether it fails: what metrics and the status of a node say of it. */
export interface SubscriptionLag {
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
  /** How it stands, and why. */
  readonly status: SubscriptionStatus;
  /** There while what it is given fails: since when, and the last error. Of the warehouse that is not looked at. */
  readonly failing?: Failing;
  /** Of the warehouse: there while its oldest load window has closed and has not been loaded for long. */
  readonly load?: WaitingLoad;
}

/** What is known of all subscriptions, and since when. */
export interface LagReading {
  /** When it was looked at, milliseconds since the epoch; undefined while nothing is known. */
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
/** Temporal has this long to answer one question; */
const ANSWER_WITHIN_MS = 2_000;
/** and to list all deliveries, page by page. */
const LIST_WITHIN_MS = 10_000;
/** Queues that are asked about side by side. */
const AT_ONCE = 8;
/** A look may take a tenth of the time: with thousands of subscriptions they are looked at more rarely. */
const REST_PER_LOOK = 10;
/** What is older than this tells nothing of now. */
const MAX_AGE_MS = 5 * 60_000;
/** A load window that is older than its length by this much is asked why; */
const LATE_MS = 30_000;
/** of the longest waiting, as many. Of the others it is known that they wait, and not why. */
const MOST_ASKED_WHY = 50;

/**
 * Knows how far all subscriptions are behind, by asking Temporal now and then. Readers get what was found last, so that
 * however many read and however slow Temporal is, it is asked by one look at a time and nobody waits for long. While it
 * does not answer there are no values.
 */
export class SubscriptionLags {
  private found: readonly SubscriptionLag[] = [];
  /** When what was found began to be asked for, milliseconds since the epoch; undefined where nothing was found. */
  private knownAt: number | undefined;
  private foundAt = Number.NEGATIVE_INFINITY;
  private dueAt = Number.NEGATIVE_INFINITY;
  private looking: Promise<void> | undefined;

  constructor(private readonly options: SubscriptionLagsOptions) {}

  /** What was found last, if that is not long ago; never rejects. */
  async read(): Promise<readonly SubscriptionLag[]> {
    return (await this.reading()).lags;
  }

  /** The same, with when that was. */
  async reading(): Promise<LagReading> {
    if (performance.now() >= this.dueAt)
      this.looking ??= this.look().finally(() => (this.looking = undefined));
    const isFresh = performance.now() - this.foundAt < FRESH * (this.options.everyMs ?? EVERY_MS);
    if (this.looking !== undefined && !isFresh) await atMost(this.options.waitMs ?? WAIT_MS, this.looking);
    const isKnown = this.knownAt !== undefined && performance.now() - this.foundAt < MAX_AGE_MS;
    return isKnown ? { at: this.knownAt, lags: this.found } : { lags: [] };
  }

  private async look(): Promise<void> {
    const began = performance.now();
    const at = Date.now();
    try {
      this.found = await this.ask();
      this.knownAt = at;
    } catch (error) {
      this.found = [];
      this.knownAt = undefined;
      this.options.log.warn('LAG_UNKNOWN', { reason: messageOf(error) });
    }
    this.foundAt = performance.now();
    const restMs = REST_PER_LOOK * (this.foundAt - began);
    this.dueAt = this.foundAt + Math.max(this.options.everyMs ?? EVERY_MS, restMs);
  }

  private async ask(): Promise<SubscriptionLag[]> {
    const { client, queues: settings } = this.options;
    const inTime = <T>(ask: () => Promise<T>, withinMs = ANSWER_WITHIN_MS): Promise<T> =>
      client.withDeadline(Date.now() + withinMs, ask);
    const tenants = this.options.tenants();
    const windows = await inTime(() => waitingWindows(client));
    const deliveries = await inTime(() => waitingDeliveries(client), LIST_WITHIN_MS);
    const loads = await this.lateLoads(tenants, windows, (ask) => inTime(ask));
    const lags: SubscriptionLag[] = [];
    const ofWarehouse = async (tenant: string): Promise<void> => {
      const { windows: batches = 0, oldestSeconds = 0 } = windows.get(tenant) ?? {};
      const { note } = await inTime(() => settings.settings(tenantQueue(tenant)));
      // The rate of a tenant's queue is its pace: how its warehouse stands is a note.
      const status = statusOf(note === undefined ? undefined : { activitiesPerSecond: 1, reason: note });
      lags.push({ tenant, subscription: WAREHOUSE, oldestSeconds, batches, status, load: loads.get(tenant) });
    };
    const ofQueue = async (tenant: string, subscription: string): Promise<void> => {
      const waiting = await inTime(() => deliveries.of(tenant, subscription));
      const { rate, note } = await inTime(() => settings.settings(subscriptionQueue(tenant, subscription)));
      lags.push({ tenant, subscription, ...waiting, status: statusOf(rate), failing: failingOf(note) });
    };
    const asked = tenants.flatMap(({ tenant, subscriptions }) => [
      () => ofWarehouse(tenant),
      ...subscriptions.map(
        ({ name }) =>
          () =>
            ofQueue(tenant, name),
      ),
    ]);
    await atOnce(AT_ONCE, asked, (ask) => ask());
    return lags;
  }

  /** Why the loads wait of the tenants whose oldest window is late, the latest first. */
  private async lateLoads(
    tenants: readonly TenantConfig[],
    windows: ReadonlyMap<string, FoundWindows>,
    inTime: <T>(ask: () => Promise<T>) => Promise<T>,
  ): Promise<Map<string, WaitingLoad>> {
    const late = tenants
      .map(({ tenant, warehouse }) => ({
        tenant,
        lateMs: warehouse.windowMs + (this.options.lateMs ?? LATE_MS),
        of: windows.get(tenant),
      }))
      .filter(({ of, lateMs }) => of !== undefined && of.oldestSeconds * 1000 > lateMs)
      .sort((one, other) => (other.of?.oldestSeconds ?? 0) - (one.of?.oldestSeconds ?? 0));
    const loads = new Map<string, WaitingLoad>();
    await atOnce(AT_ONCE, late.slice(0, MOST_ASKED_WHY), async ({ tenant, of }) => {
      const load = of && (await inTime(() => waitingLoad(this.options.client, of.oldestId)));
      if (load !== undefined) loads.set(tenant, load);
    });
    return loads;
  }
}

async function atMost(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  await Promise.race([work, over]);
  clearTimeout(timer);
}
