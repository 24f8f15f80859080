import type { Client } from '@temporalio/client';
import { messageOf } from '../errors.js';
import type { Logger } from '../observability/logger.js';
import { WAREHOUSE } from '../subscription.js';
import type { TenantConfig } from '../tenant-config/tenant-config.js';
import { liveBacklog } from './live-backlog.js';
import { waitingWindows } from './load-windows.js';

/** How far a subscription is behind. */
export interface SubscriptionLag {
  readonly tenant: string;
  readonly subscription: string;
  /** Age of the oldest batch that waits; of the oldest load window for the warehouse. */
  readonly oldestSeconds: number;
  /** Batches that wait; load windows for the warehouse. */
  readonly batches: number;
}

/** What {@link SubscriptionLags} needs. */
export interface SubscriptionLagsOptions {
  readonly client: Client;
  /** All tenants as they are configured now. */
  readonly tenants: () => readonly TenantConfig[];
  readonly log: Pick<Logger, 'warn'>;
  /** Milliseconds between two looks, at least. Default 15 s. */
  readonly everyMs?: number;
  /** How long a reader waits for a look, in milliseconds. Default 2 s. */
  readonly waitMs?: number;
}

const EVERY_MS = 15_000;
const WAIT_MS = 2_000;
/** Temporal has so long to answer one question. */
const ANSWER_WITHIN_MS = 2_000;
/** Queues that are asked about side by side. */
const AT_ONCE = 8;
/** A look may take a tenth of the time: with thousands of subscriptions they are looked at more rarely. */
const REST_PER_LOOK = 10;
/** What is older than this tells nothing of now. */
const MAX_AGE_MS = 5 * 60_000;

/**
 * Knows how far all subscriptions are behind, by asking Temporal now and then. Readers get what was found last, so that
 * however many read and however slow Temporal is, it is asked by one look at a time and nobody waits for long. While it
 * does not answer there are no values.
 */
export class SubscriptionLags {
  private found: readonly SubscriptionLag[] = [];
  private foundAt = Number.NEGATIVE_INFINITY;
  private dueAt = Number.NEGATIVE_INFINITY;
  private looking: Promise<void> | undefined;

  constructor(private readonly options: SubscriptionLagsOptions) {}

  /** What was found last, if that is not long ago; never rejects. */
  async read(): Promise<readonly SubscriptionLag[]> {
    if (performance.now() >= this.dueAt)
      this.looking ??= this.look().finally(() => (this.looking = undefined));
    if (this.looking !== undefined) await atMost(this.options.waitMs ?? WAIT_MS, this.looking);
    return performance.now() - this.foundAt < MAX_AGE_MS ? this.found : [];
  }

  private async look(): Promise<void> {
    const began = performance.now();
    try {
      this.found = await this.ask();
    } catch (error) {
      this.found = [];
      this.options.log.warn({ reason: messageOf(error) }, 'the lag of subscriptions is not known');
    }
    this.foundAt = performance.now();
    const restMs = REST_PER_LOOK * (this.foundAt - began);
    this.dueAt = this.foundAt + Math.max(this.options.everyMs ?? EVERY_MS, restMs);
  }

  private async ask(): Promise<SubscriptionLag[]> {
    const { client } = this.options;
    const inTime = <T>(ask: () => Promise<T>): Promise<T> =>
      client.withDeadline(Date.now() + ANSWER_WITHIN_MS, ask);
    const tenants = this.options.tenants();
    const windows = await inTime(() => waitingWindows(client));
    const lags = tenants.map(({ tenant }): SubscriptionLag => {
      const { windows: batches = 0, oldestSeconds = 0 } = windows.get(tenant) ?? {};
      return { tenant, subscription: WAREHOUSE, oldestSeconds, batches };
    });
    const queues = tenants.flatMap(({ tenant, subscriptions }) =>
      subscriptions.map(({ name }) => ({ tenant, subscription: name })),
    );
    const left = oneByOne(queues);
    const askOn = async (): Promise<void> => {
      for (const of of left) {
        const { tasks, ageMs } = await inTime(() => liveBacklog(client, of));
        lags.push({ ...of, batches: tasks, oldestSeconds: ageMs / 1000 });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, askOn));
    return lags;
  }
}

/** For several who share it; one that fails ends it for all. */
function* oneByOne<T>(items: readonly T[]): Generator<T> {
  yield* items;
}

async function atMost(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  await Promise.race([work, over]);
  clearTimeout(timer);
}
