import type { Client } from '@temporalio/client';
import { HeadgateError } from '../errors.js';
import type { SubscriptionConfig } from '../tenant-config/subscription-config.js';
import type { TenantConfig } from '../tenant-config/tenant-config.js';
import { assertSubscriptionName, assertTenantId, subscriptionQueue } from '../tenant.js';
import type { SubscriptionControl } from './control.js';
import type { SubscriptionStanding } from './standing.js';

/** A subscription as its tenant sees it. */
export interface SubscriptionOverview extends SubscriptionStanding {
  readonly name: string;
  readonly kind: SubscriptionConfig['kind'];
  /** Of a webhook, without what may be secret in it: user, password, query. */
  readonly url?: string;
  /** Its task queue, as the Temporal UI shows it. */
  readonly queue: string;
  /** Batches that wait in its queue to be taken up, and for how long the oldest has: how far it is behind. */
  readonly waiting: { readonly batches: number; readonly oldestSeconds: number };
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
  readonly namespace: string;
  readonly control: Pick<SubscriptionControl, 'standing'>;
  readonly configOf: (tenant: string) => TenantConfig | undefined;
}

/** Looks at the subscriptions of a tenant, in its configuration and on Temporal. */
export class SubscriptionOverviews {
  constructor(private readonly options: SubscriptionOverviewsOptions) {}

  /** All of a tenant's, in the order of its configuration. */
  list(tenant: string): Promise<SubscriptionOverview[]> {
    const subscriptions = this.options.configOf(assertTenantId(tenant))?.subscriptions ?? [];
    return Promise.all(subscriptions.map((subscription) => this.overview(tenant, subscription)));
  }

  /**
   * One of a tenant's.
   * @throws HeadgateError `NOT_FOUND`
   */
  async show(tenant: string, name: string): Promise<SubscriptionDetails> {
    const subscriptions = this.options.configOf(assertTenantId(tenant))?.subscriptions ?? [];
    const subscription = subscriptions.find((each) => each.name === assertSubscriptionName(name));
    if (subscription === undefined) throw new HeadgateError('NOT_FOUND', 'No subscription has this name.');
    // Names and ids have been checked: neither can hold a quotation mark.
    const own = `HeadgateTenant = "${tenant}" AND HeadgateSubscription = "${name}" AND ExecutionStatus = "Running"`;
    const count = async (more: string): Promise<number> =>
      (await this.options.client.workflow.count(`${own} AND ${more}`)).count;
    const [overview, deliveries, deadLetters] = await Promise.all([
      this.overview(tenant, subscription),
      count('WorkflowType = "deliver"'),
      count('WorkflowType = "deadLetter" AND HeadgateStatus = "dead-letter"'),
    ]);
    return { ...overview, deliveries, deadLetters };
  }

  private async overview(tenant: string, subscription: SubscriptionConfig): Promise<SubscriptionOverview> {
    const { name, kind } = subscription;
    const queue = subscriptionQueue(tenant, name);
    const [standing, waiting] = await Promise.all([
      this.options.control.standing(tenant, name),
      this.waiting(queue),
    ]);
    const url = kind === 'push' ? { url: withoutSecrets(subscription.url) } : {};
    return { name, kind, ...url, ...standing, queue, waiting };
  }

  private async waiting(queue: string): Promise<SubscriptionOverview['waiting']> {
    const { client, namespace } = this.options;
    const { stats } = await client.workflowService.describeTaskQueue({
      namespace,
      taskQueue: { name: queue },
      taskQueueType: ACTIVITY_QUEUE,
      reportStats: true,
    });
    const age = stats?.approximateBacklogAge;
    return {
      batches: Number(stats?.approximateBacklogCount ?? 0),
      oldestSeconds: Number(age?.seconds ?? 0) + Number(age?.nanos ?? 0) / 1e9,
    };
  }
}

/** `TASK_QUEUE_TYPE_ACTIVITY`. @see temporal.api.enums.v1.TaskQueueType */
const ACTIVITY_QUEUE = 2;

function withoutSecrets(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}
