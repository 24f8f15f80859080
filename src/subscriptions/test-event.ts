import { HeadgateError } from '../errors.js';
import { DERIVED_PREFIX } from '../events/delivered-event.js';
import type { EventRow } from '../events/event.js';
import { assertSubscriptionName, assertTenantId } from '../tenants/ids.js';
import { isBuiltIn } from './built-in.js';
import { ownBatchId, startOwnBatch, type OwnBatchOptions } from './own-batch.js';

/** Type of the event that shows whether a subscription delivers. */
const TEST_TYPE = `${DERIVED_PREFIX}subscription.test`;

/** A test event that is on its way. */
export interface SentTestEvent {
  readonly eventId: string;
  readonly batchId: string;
}

/** Sends an event to one subscription alone. */
export type SendTestEvent = (tenant: string, subscription: string, by: string) => Promise<SentTestEvent>;

/**
 * Makes what sends test events. One is a batch of its own: it goes to the subscription whatever the routes say, also
 * while it drains, waits while it is paused, and is in the warehouse as every event is. Rules do not see it.
 */
export function createSendTestEvent(
  options: OwnBatchOptions & { readonly now?: () => number },
): SendTestEvent {
  let last = 0;
  return async (tenant, name, by) => {
    const loaded = options.tenantOf(assertTenantId(tenant));
    const subscription = assertSubscriptionName(name);
    if (loaded !== undefined && isBuiltIn(loaded.config, subscription)) throw builtIn(subscription);
    if (loaded?.config.subscriptions.every((each) => each.name !== subscription) ?? true)
      throw new HeadgateError('NOT_FOUND', 'No subscription has this name.');
    // Two in one millisecond would have one id.
    last = Math.max(last + 1, (options.now ?? Date.now)());
    const event = testEvent(subscription, by, last);
    const wanted = ownBatchId(last, `${TEST_TYPE}/${subscription}`);
    const own = { tenant, batchId: wanted, events: [event], to: subscription };
    return { eventId: event.id, batchId: (await startOwnBatch(options, own)) ?? wanted };
  };
}

function testEvent(subscription: string, by: string, at: number): EventRow {
  const time = new Date(at).toISOString();
  return {
    specversion: '1.0',
    id: `${TEST_TYPE}:${subscription}:${time}`,
    source: 'headgate',
    type: TEST_TYPE,
    time,
    subject: subscription,
    datacontenttype: 'application/json',
    data: { subscription, by },
    received_at: time,
  };
}

function builtIn(name: string): HeadgateError {
  return new HeadgateError(
    'SUBSCRIPTION_BUILT_IN',
    `A test event is for subscriptions of the tenant's file; ${name} gets every event that is sent.`,
  );
}
