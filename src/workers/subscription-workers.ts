import { messageOf } from '../errors.js';
import type { Logger } from '../platform/logger.js';
import type { SubscriptionConfig } from '../tenants/config/subscription-config.js';
import type { TenantRegistry } from '../tenants/config/registry.js';
import { subscriptionQueue } from '../tenants/queues.js';
import { atOnce } from '../platform/at-once.js';
import { KeyedMutex } from '../platform/keyed-mutex.js';
import { STARTS_AT_ONCE, type RunningWorker } from './tenant-workers.js';

/** What {@link SubscriptionWorkers} needs. */
export interface SubscriptionWorkersOptions {
  readonly registry: TenantRegistry;
  /** Brings the rate of a subscription's queue in line with its configuration. */
  readonly alignRate: (tenant: string, subscription: string) => Promise<unknown>;
  /** Makes and runs a Worker for the passes of one subscription. */
  readonly run: (queue: string) => Promise<RunningWorker>;
  readonly log: Logger;
}

/**
 * One Worker per subscription that Headgate delivers to, following the registry: a slow endpoint takes the places of its
 * own Worker and nobody else's. It runs activities alone, which costs a quarter of a megabyte. A subscription that is
 * removed keeps its Worker until the process ends, so that what still waits for it is told so.
 */
export class SubscriptionWorkers {
  private readonly workers = new Map<string, RunningWorker>();
  private readonly turns = new KeyedMutex();
  private readonly following = new Set<Promise<void>>();
  private stopped = false;

  constructor(private readonly options: SubscriptionWorkersOptions) {}

  /** Starts the Workers of all subscriptions, and follows the registry from then on. */
  async start(): Promise<void> {
    const { registry } = this.options;
    registry.onChange(({ tenant }) => void this.follow(tenant));
    await atOnce(STARTS_AT_ONCE, registry.list(), ({ config }) => this.follow(config.tenant));
  }

  /** Lets every Worker finish what it does, within its grace time. */
  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.following);
    await Promise.all(
      [...this.workers.values()].map(async ({ worker, ended }) => {
        worker.shutdown();
        await ended;
      }),
    );
  }

  private async follow(tenant: string): Promise<void> {
    const subscriptions = this.options.registry.get(tenant)?.config.subscriptions ?? [];
    await Promise.all(subscriptions.map((subscription) => this.followOne(tenant, subscription)));
  }

  private followOne(tenant: string, subscription: SubscriptionConfig): Promise<void> {
    const aligned = this.turns
      .run(`${tenant}/${subscription.name}`, () => this.align(tenant, subscription))
      .catch((error: unknown) => {
        const fields = { tenant, subscription: subscription.name, reason: messageOf(error) };
        this.options.log.error('SUBSCRIPTION_NOT_ALIGNED', fields);
      });
    this.following.add(aligned);
    return aligned.finally(() => this.following.delete(aligned));
  }

  private async align(tenant: string, { name, kind }: SubscriptionConfig): Promise<void> {
    if (this.stopped) return;
    await this.options.alignRate(tenant, name);
    const queue = subscriptionQueue(tenant, name);
    // Consumers take from a pull subscription's queue themselves.
    if (kind === 'pull' || this.workers.has(queue)) return;
    this.workers.set(queue, await this.options.run(queue));
  }
}
