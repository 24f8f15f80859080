import type { Client } from '@temporalio/client';
import { messageOf } from '../errors.js';
import type { Logger } from '../platform/logger.js';
import type { TenantRegistry } from '../tenants/config/registry.js';
import { assertTenantId } from '../tenants/ids.js';
import { DELIVER, REVIEW } from '../workflows/messages/deliveries.js';

/** What {@link RemovedSubscriptions} needs. */
export interface RemovedSubscriptionsOptions {
  readonly client: Client;
  readonly registry: Pick<TenantRegistry, 'list' | 'get' | 'onChange'>;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** Until the second look. Default 5 s. */
  readonly lookAgainMs?: number;
}

/** A delivery that has begun just before its subscription was removed is not found at once. */
const LOOK_AGAIN_MS = 5_000;
const AT_ONCE = 20;

/**
 * Has deliveries to subscriptions that a tenant does not have any more looked at, when one is removed and when the process
 * starts: they would wait in a queue that no list shows, which is paused maybe, or that nobody takes from. What waited becomes
 * dead letters. To run where the deliveries are looked at, by the same registry.
 */
export class RemovedSubscriptions {
  private readonly names = new Map<string, ReadonlySet<string>>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private unfollow?: () => void;
  private stopped = false;

  constructor(private readonly options: RemovedSubscriptionsOptions) {}

  /** Looks at all tenants, in the background, and follows the registry from then on. */
  start(): void {
    const { registry } = this.options;
    for (const { config } of registry.list()) this.names.set(config.tenant, this.namesOf(config.tenant));
    this.unfollow = registry.onChange(({ tenant }) => this.changed(tenant));
    void this.guarded(() => this.lookAtAll());
  }

  /** Looks at nothing more. */
  stop(): void {
    this.stopped = true;
    this.unfollow?.();
    for (const timer of this.timers) clearTimeout(timer);
  }

  private changed(tenant: string): void {
    // What is on its way for a tenant that is gone waits until it is back.
    if (this.options.registry.get(tenant) === undefined) return void this.names.delete(tenant);
    const [before, now] = [this.names.get(tenant), this.namesOf(tenant)];
    this.names.set(tenant, now);
    if (before !== undefined && [...before].every((name) => now.has(name))) return;
    void this.guarded(() => this.look(tenant), tenant);
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      void this.guarded(() => this.look(tenant), tenant);
    }, this.options.lookAgainMs ?? LOOK_AGAIN_MS).unref();
    this.timers.add(timer);
  }

  private async lookAtAll(): Promise<void> {
    const { client, registry } = this.options;
    const { count } = await client.workflow.count(RUNNING);
    if (count === 0) return;
    for (const { config } of registry.list()) if (!this.stopped) await this.look(config.tenant);
  }

  private async look(tenant: string): Promise<void> {
    const { client, registry, log } = this.options;
    if (this.stopped || registry.get(tenant) === undefined) return;
    let found = 0;
    const some: Promise<unknown>[] = [];
    for await (const { workflowId } of client.workflow.list({
      query: queryFor(tenant, this.namesOf(tenant)),
    })) {
      if (this.stopped) break;
      found++;
      // One that has ended meanwhile needs nothing.
      some.push(client.workflow.getHandle(workflowId).signal(REVIEW).catch(() => undefined)); // prettier-ignore
      if (some.length >= AT_ONCE) await Promise.all(some.splice(0));
    }
    await Promise.all(some);
    if (found > 0) log.info('EVENTS_OF_REMOVED_SUBSCRIPTIONS', { tenant, batches: found });
  }

  private namesOf(tenant: string): ReadonlySet<string> {
    const { subscriptions = [] } = this.options.registry.get(tenant)?.config ?? {};
    return new Set(subscriptions.map(({ name }) => name));
  }

  private async guarded(work: () => Promise<void>, tenant?: string): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.options.log.warn('REMOVED_SUBSCRIPTIONS_UNKNOWN', { tenant, reason: messageOf(error) });
    }
  }
}

const RUNNING = `WorkflowType = "${DELIVER}" AND ExecutionStatus = "Running"`;

/** Ids and names have been checked: neither can hold a quotation mark. */
function queryFor(tenant: string, names: ReadonlySet<string>): string {
  const quoted = [...names].map((name) => `"${name}"`).join(', ');
  const gone = names.size === 0 ? '' : ` AND HeadgateSubscription NOT IN (${quoted})`;
  return `${RUNNING} AND HeadgateTenant = "${assertTenantId(tenant)}"${gone}`;
}
