import type { TenantConfig } from '../../tenant-config/tenant-config.js';
import type { DeadLines, ReviewInput, ReviewResult } from '../../workflows/delivery-messages.js';

/** Looks at a delivery that nobody has taken up for long. */
export type ReviewWaiting = (input: ReviewInput) => Promise<ReviewResult>;

/** Builds the activity that gives up what waits in vain: its subscription is gone, or its batch has expired. */
export function createReviewWaiting(
  configOf: (tenant: string) => TenantConfig,
  now: () => number = Date.now,
): ReviewWaiting {
  return async ({ delivery, pending }) => {
    const { tenant, subscription, expiresAt } = delivery;
    const configured = configOf(tenant).subscriptions.some(({ name }) => name === subscription);
    const given: Pick<DeadLines, 'reason' | 'detail'> | undefined = !configured
      ? { reason: 'subscription-removed', detail: 'The subscription is not configured any more.' }
      : now() >= expiresAt
        ? { reason: 'expired', detail: 'It was not delivered within the retention of its batch.' }
        : undefined;
    if (given === undefined) return { pending, dead: [] };
    return { pending: [], dead: pending.map((group) => ({ ...given, ...group })) };
  };
}
