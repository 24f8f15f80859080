import type { Client } from '@temporalio/client';
import { queueBacklog, type QueueBacklog } from '../engine/queue-backlog.js';
import { assertTenantId, subscriptionQueue } from '../tenant.js';
import { DELIVER } from '../workflows/delivery-messages.js';

/** What is younger may be listed late: those that die young, as a subscription is removed, are counted for so long. */
const MAY_BE_DEAD_MS = 60 * 1000;

/**
 * What waits in a subscription's queue. Temporal's count includes tasks that have timed out or whose workflow has ended, until
 * the queue lets them go: one that is paused for a week would seem to have seven times what it has. Where that may be,
 * there are no more than deliveries that run.
 */
export async function liveBacklog(
  client: Client,
  { tenant, subscription }: { readonly tenant: string; readonly subscription: string },
): Promise<QueueBacklog> {
  const backlog = await queueBacklog(client, subscriptionQueue(tenant, subscription));
  if (backlog.tasks === 0 || backlog.ageMs < MAY_BE_DEAD_MS) return backlog;
  return bounded(backlog, await runningDeliveries(client, tenant, subscription));
}

/** A backlog of no more tasks than deliveries run, and without an age if none does. */
export function bounded(backlog: QueueBacklog, deliveries: number): QueueBacklog {
  const tasks = Math.min(backlog.tasks, deliveries);
  return { ...backlog, tasks, ageMs: tasks === 0 ? 0 : backlog.ageMs };
}

async function runningDeliveries(client: Client, tenant: string, subscription: string): Promise<number> {
  // Both have the form of names: neither can hold a quotation mark.
  const query =
    `WorkflowType = "${DELIVER}" AND ExecutionStatus = "Running" AND ` +
    `HeadgateTenant = "${assertTenantId(tenant)}" AND HeadgateSubscription = "${subscription}"`;
  return (await client.workflow.count(query)).count;
}
