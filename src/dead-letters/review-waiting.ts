import { LineSet } from '../events/line-set.js';
import type { TenantConfig } from '../tenants/config/tenant-config.js';
import type { DeadLines, ReviewInput, ReviewResult } from '../workflows/messages/deliveries.js';

/** Looks at a delivery that nobody has taken up for long. */
export type ReviewWaiting = (input: ReviewInput) => Promise<ReviewResult>;

/** Builds the activity that gives up what waits for nothing: its subscription is gone, or its batch has expired. */
export function createReviewWaiting(
  configOf: (tenant: string) => TenantConfig,
  now: () => number = Date.now,
): ReviewWaiting {
  return async ({ delivery, pending, expired = false }) => {
    const { tenant, subscription, expiresAt } = delivery;
    const configured = configOf(tenant).subscriptions.find(({ name }) => name === subscription);
    const given: Pick<DeadLines, 'reason' | 'detail'> | undefined = !configured
      ? { reason: 'subscription-removed', detail: 'The subscription is not configured any more.' }
      : expired || now() >= expiresAt
        ? { reason: 'expired', detail: 'It was not delivered within the retention of its batch.' }
        : undefined;
    if (given === undefined) return { pending, dead: [], kind: configured?.kind };
    return { pending: [], dead: [{ ...given, ...together(pending, delivery.batch.events) }] };
  };
}

/** As one: the reason and the pass name the dead letter, so that a second of the same would be taken for the first. */
function together(
  pending: ReviewInput['pending'],
  events: number,
): Pick<DeadLines, 'attempts' | 'lines' | 'count'> {
  const all = LineSet.none(events);
  for (const { lines } of pending) all.addAll(LineSet.decode(lines, events));
  const attempts = Math.max(...pending.map((group) => group.attempts));
  return { attempts, ...(all.count < events && { lines: all.encode() }), count: all.count };
}
