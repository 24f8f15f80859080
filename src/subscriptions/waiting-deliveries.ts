import type { Client } from '@temporalio/client';
import { queueBacklog } from '../temporal/queue-backlog.js';
import { subscriptionQueue } from '../tenants/queues.js';
import { assertTenantId } from '../tenants/ids.js';
import { DELIVER, type DeliverMemo } from '../workflows/messages/deliveries.js';

/** Batches on their way to a subscription, whether they wait in its queue, are being tried, or pause between attempts. */
export interface WaitingBatches {
  readonly batches: number;
  /** Events of those batches, as far as they were looked at; one that is delivered in part counts as a whole. */
  readonly events: number;
  /** For how long the oldest of them has been there. */
  readonly oldestSeconds: number;
}

/** What waits for each subscription. */
export interface WaitingDeliveries {
  of(tenant: string, subscription: string): Promise<WaitingBatches>;
  /** The same without asking again. */
  seen(tenant: string, subscription: string): WaitingBatches;
  /** False where there are more than were looked at: what was seen is then not all. */
  readonly complete: boolean;
  /** The subscriptions that have most batches on their way, `<tenant>/<subscription>`. */
  busiest(most: number): string[];
}

/** No more are looked at; there are more only when subscriptions have been paused for days. */
const MAX_DELIVERIES = 20_000;
const PAGE_SIZE = 1_000;

const NONE: WaitingBatches = { batches: 0, events: 0, oldestSeconds: 0 };

/**
 * Looks at the deliveries that run, of one tenant or of all: from Temporal's visibility, which may lag a second, and without
 * opening a history. A queue's own count has neither what pauses between attempts nor what is being tried, and has tasks that
 * have timed out. Where there are too many to look at, subscriptions are counted one by one, and a queue's age tells the oldest.
 */
export async function waitingDeliveries(
  client: Client,
  tenant?: string,
  most = MAX_DELIVERIES,
): Promise<WaitingDeliveries> {
  const own = tenant === undefined ? '' : ` AND HeadgateTenant = "${assertTenantId(tenant)}"`;
  const query = `WorkflowType = "${DELIVER}" AND ExecutionStatus = "Running"${own}`;
  const found = new Map<string, WaitingBatches>();
  const now = Date.now();
  let seen = 0;
  for await (const { workflowId, startTime, memo } of client.workflow.list({ query, pageSize: PAGE_SIZE })) {
    if (++seen > most) break;
    // deliver/<tenant>/<subscription>/…
    const key = workflowId.split('/', 3).slice(1).join('/');
    const { batches, events, oldestSeconds } = found.get(key) ?? NONE;
    const seconds = Math.max(0, now - startTime.getTime()) / 1000;
    found.set(key, {
      batches: batches + 1,
      events: events + countOf(memo),
      oldestSeconds: Math.max(oldestSeconds, seconds),
    });
  }
  const seenOf = (id: string, subscription: string): WaitingBatches =>
    found.get(`${id}/${subscription}`) ?? NONE;
  const complete = seen <= most;
  return {
    complete,
    seen: seenOf,
    of: async (id, subscription) => {
      const known = seenOf(id, subscription);
      return complete ? known : counted(client, id, subscription, known);
    },
    busiest: (count) =>
      [...found]
        .sort(([, one], [, other]) => other.batches - one.batches)
        .slice(0, count)
        .map(([key]) => key),
  };
}

/** The oldest are not among those that were looked at: Temporal lists the newest first. */
async function counted(
  client: Client,
  tenant: string,
  subscription: string,
  seen: WaitingBatches,
): Promise<WaitingBatches> {
  // Both have the form of names: neither can hold a quotation mark.
  const query =
    `WorkflowType = "${DELIVER}" AND ExecutionStatus = "Running" AND ` +
    `HeadgateTenant = "${assertTenantId(tenant)}" AND HeadgateSubscription = "${subscription}"`;
  const [{ count: batches }, { ageMs }] = await Promise.all([
    client.workflow.count(query),
    queueBacklog(client, subscriptionQueue(tenant, subscription)),
  ]);
  return batches === 0
    ? NONE
    : { batches, events: seen.events, oldestSeconds: Math.max(seen.oldestSeconds, ageMs / 1000) };
}

/** A redrive's delivery has no memo, nor has one of an earlier version: it has one event at least. */
function countOf(memo: Partial<Record<keyof DeliverMemo, unknown>> | undefined): number {
  return typeof memo?.count === 'number' ? memo.count : 1;
}
