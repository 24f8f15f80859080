/** How a subscription gets its events. */
export type SubscriptionKind = 'push' | 'pull' | 'workflow';

/** What comes first where a subscription's queue is long. */
export type Priority = 'high' | 'normal' | 'low';

/** Temporal's priority keys, of 1 (first) to 5. */
export const PRIORITY_KEYS: Readonly<Record<Priority, number>> = { high: 1, normal: 3, low: 5 };
