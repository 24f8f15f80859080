/** How a subscription gets its events. */
export type SubscriptionKind = 'push' | 'pull' | 'workflow';

/** The subscription by which every tenant's events come into its warehouse: its name, and its kind. */
export const WAREHOUSE = 'warehouse';
/** The subscription by which the events of a tenant with rules are decided on: its name, and its kind. */
export const ELIGIBILITY = 'eligibility';

/** Kinds of the subscriptions that are there without being configured; each is named as its kind. */
export type BuiltInKind = typeof WAREHOUSE | typeof ELIGIBILITY;

/** What comes first where a subscription's queue is long. */
export type Priority = 'high' | 'normal' | 'low';

/** Temporal's priority keys, of 1 (first) to 5. */
export const PRIORITY_KEYS: Readonly<Record<Priority, number>> = { high: 1, normal: 3, low: 5 };
