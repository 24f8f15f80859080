import type { Client } from '@temporalio/client';
import { askTemporal } from '../temporal/ask-temporal.js';
import type { QueueNotes } from '../temporal/queue-rates.js';
import { HeadgateError } from '../errors.js';
import { ELIGIBILITY, WAREHOUSE, type BuiltInKind, type SubscriptionKind } from '../tenants/subscription.js';
import type { SubscriptionConfig } from '../tenants/config/subscription-config.js';
import type { TenantConfig } from '../tenants/config/tenant-config.js';
import { subscriptionQueue, tenantQueue } from '../tenants/queues.js';
import { assertSubscriptionName, assertTenantId } from '../tenants/ids.js';
import { builtInOf, isBuiltIn } from './built-in.js';
import type { SubscriptionControl } from './control.js';
import { notedOf, type Noted } from './noted.js';
import { waitingWindows } from './load-windows.js';
import type { SubscriptionStatus } from './status.js';
import { waitingDeliveries, type WaitingDeliveries } from './waiting-deliveries.js';

/** What waits for a subscription, and for how long the oldest of it has. */
export interface SubscriptionWaiting {
  /** Batches on their way to it: in its queue, being tried, or pausing between attempts. */
  readonly batches?: number;
  /** Events of those batches; one that is delivered in part counts as a whole. */
  readonly events?: number;
  /** Of the warehouse instead: load windows that have not loaded, each of some batches. */
  readonly windows?: number;
  readonly oldestSeconds: number;
}

/** A subscription as its tenant sees it. */
export interface SubscriptionOverview extends SubscriptionStatus, Noted {
  readonly name: string;
  readonly kind: SubscriptionKind | BuiltInKind;
  /** Of a webhook, without what may be secret in it: user, password, query. */
  readonly url?: string;
  /** Its task queue, as the Temporal UI shows it: of the warehouse, that of its loads; eligibility has none. */
  readonly queue?: string;
  /** How far it is behind. */
  readonly waiting: SubscriptionWaiting;
}

/** One subscription, looked at closely. */
export interface SubscriptionDetails extends SubscriptionOverview {
  /** Batches on their way to it, those that pause between attempts included; may lag a second. */
  readonly deliveries: number;
  readonly deadLetters: number;
}

/** What {@link SubscriptionOverviews} needs. */
export interface SubscriptionOverviewsOptions {
  readonly client: Client;
  readonly control: Pick<SubscriptionControl, 'status'>;
  readonly notes: Pick<QueueNotes, 'note'>;
  readonly configOf: (tenant: string) => TenantConfig | undefined;
}

/** Looks at the subscriptions of a tenant, in its configuration and on Temporal. */
export class SubscriptionOverviews {
  constructor(private readonly options: SubscriptionOverviewsOptions) {}

  /**
   * Has Temporal asked something, such as how a subscription stands, within the time that somebody waits.
   * @throws HeadgateError `ENGINE_UNAVAILABLE`
   */
  asking<T>(ask: () => Promise<T>): Promise<T> {
    return askTemporal(this.options.client, ask);
  }

  /** All of a tenant's: the built-in ones, then the others in the order of its configuration. */
  list(tenant: string): Promise<SubscriptionOverview[]> {
    const config = this.options.configOf(assertTenantId(tenant));
    if (config === undefined) return Promise.resolve([]);
    return this.asking(() =>
      Promise.all([
        ...builtInOf(config).map((kind) => this.builtIn(config, kind)),
        ...this.configured(config),
      ]),
    );
  }

  /**
   * One of a tenant's.
   * @throws HeadgateError `NOT_FOUND`, `ENGINE_UNAVAILABLE`
   */
  show(tenant: string, name: string): Promise<SubscriptionDetails> {
    return this.asking(() => this.look(tenant, name));
  }

  private async look(tenant: string, name: string): Promise<SubscriptionDetails> {
    const config = this.options.configOf(assertTenantId(tenant));
    if (config !== undefined && isBuiltIn(config, name)) {
      const overview = await this.builtIn(config, name);
      return { ...overview, deliveries: overview.waiting.windows ?? 0, deadLetters: 0 };
    }
    const subscription = config?.subscriptions.find((each) => each.name === assertSubscriptionName(name));
    if (subscription === undefined) throw new HeadgateError('NOT_FOUND', 'No subscription has this name.');
    // Names and ids have been checked: neither can hold a quotation mark.
    const own = `HeadgateTenant = "${tenant}" AND HeadgateSubscription = "${name}" AND ExecutionStatus = "Running"`;
    const count = async (more: string): Promise<number> =>
      (await this.options.client.workflow.count(`${own} AND ${more}`)).count;
    const [overview, deliveries, deadLetters] = await Promise.all([
      this.overview(tenant, subscription, waitingDeliveries(this.options.client, tenant)),
      count('WorkflowType = "deliver"'),
      count('WorkflowType = "deadLetter" AND HeadgateStatus = "dead-letter"'),
    ]);
    return { ...overview, deliveries, deadLetters };
  }

  /** Of a tenant that has none nothing is asked: if that failed, nobody would be there to hear of it, and the process would end. */
  private configured({ tenant, subscriptions }: TenantConfig): Promise<SubscriptionOverview>[] {
    if (subscriptions.length === 0) return [];
    const waiting = waitingDeliveries(this.options.client, tenant);
    return subscriptions.map((subscription) => this.overview(tenant, subscription, waiting));
  }

  private async builtIn(config: TenantConfig, kind: BuiltInKind): Promise<SubscriptionOverview> {
    const own = { name: kind, kind };
    // Decisions are made before the acknowledgement: nothing can wait.
    if (kind === ELIGIBILITY) return { ...own, state: 'active', waiting: { batches: 0, oldestSeconds: 0 } };
    const { tenant, limits } = config;
    const [status, windows] = await Promise.all([
      this.options.control.status(tenant, WAREHOUSE),
      waitingWindows(this.options.client, tenant),
    ]);
    const { windows: waits = 0, oldestSeconds = 0 } = windows.get(tenant) ?? {};
    const waiting = { windows: waits, oldestSeconds };
    const stands = status.state === 'active' && limits.activitiesPerSecond === 0 ? BY_LIMIT : status;
    return { ...own, ...stands, queue: tenantQueue(tenant), waiting };
  }

  private async overview(
    tenant: string,
    subscription: SubscriptionConfig,
    deliveries: Promise<WaitingDeliveries>,
  ): Promise<SubscriptionOverview> {
    const { name, kind } = subscription;
    const queue = subscriptionQueue(tenant, name);
    const [status, note, waiting] = await Promise.all([
      this.options.control.status(tenant, name),
      this.options.notes.note(queue),
      deliveries.then((found) => found.of(tenant, name)),
    ]);
    const url = kind === 'push' ? { url: withoutSecrets(subscription.url) } : {};
    return { name, kind, ...url, ...status, queue, waiting, ...notedOf(note) };
  }
}

/** A rate that holds loads back is a pause as well, and ends only where it was set. */
const BY_LIMIT: SubscriptionStatus = {
  state: 'paused',
  by: 'configuration',
  reason: "limits.activitiesPerSecond is 0 in the tenant's file",
};

function withoutSecrets(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}
