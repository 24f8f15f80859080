import type { Client } from '@temporalio/client';
import { messageOf } from '../errors.js';
import type { Logger } from '../platform/logger.js';
import { assertTenantId } from '../tenants/ids.js';
import { DELIVER, RESUMED } from '../workflows/messages/deliveries.js';

/** Deliveries that are woken; the rest continue on their own, and their processes have heard of the resume by then. */
const MOST = 1_000;
const AT_ONCE = 20;

/** Tells the deliveries of a subscription that it was resumed, so that none sleeps on between attempts. */
export type WakeDeliveries = (tenant: string, name: string, at: number) => Promise<void>;

/** Builds it over a Temporal client. One that has ended meanwhile needs nothing. */
export function createWakeDeliveries(client: Client, log: Pick<Logger, 'warn'>): WakeDeliveries {
  return async (tenant, name, at) => {
    // Both have the form of names, so that they can be quoted.
    const query =
      `WorkflowType = "${DELIVER}" AND ExecutionStatus = "Running" AND ` +
      `HeadgateTenant = "${assertTenantId(tenant)}" AND HeadgateSubscription = "${name}"`;
    try {
      const some: Promise<unknown>[] = [];
      let woken = 0;
      for await (const { workflowId } of client.workflow.list({ query })) {
        some.push(
          client.workflow
            .getHandle(workflowId)
            .signal(RESUMED, at)
            .catch(() => undefined),
        );
        if (some.length >= AT_ONCE) await Promise.all(some.splice(0));
        if (++woken >= MOST) break;
      }
      await Promise.all(some);
    } catch (error) {
      log.warn('WAITING_DELIVERIES_NOT_WOKEN', { tenant, subscription: name, reason: messageOf(error) });
    }
  };
}
