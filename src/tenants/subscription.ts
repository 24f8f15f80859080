/** How a subscription gets its events. */
export type SubscriptionKind = 'push' | 'pull' | 'workflow';

/** The subscription by which every tenant's events come into its warehouse: its name, and its kind. */
export const WAREHOUSE = 'warehouse';
/** The subscription by which the events of a tenant with rules are decided on: its name, and its kind. */
export const ELIGIBILITY = 'eligibility';

/** Kinds of the subscriptions that are there without being configured; each is named as its kind. */
export type BuiltInKind = typeof WAREHOUSE | typeof ELIGIBILITY;

/** Names that no configured subscription may have: what they stand for is always there. */
const RESERVED_NAMES = [WAREHOUSE, ELIGIBILITY, 'ingest', 'constructor'];

const RESERVED = RESERVED_NAMES.map((name) => `"${name}"`);

/** What the name of a configured subscription has to be like. */
export const SUBSCRIPTION_NAME = {
  pattern: `^(?!(${RESERVED_NAMES.join('|')})$)[a-z][a-z0-9_-]{0,62}$`,
  problem: `must be a name of 1 to 63 small letters, digits, "_" and "-" that starts with a letter, and not ${RESERVED.slice(0, -1).join(', ')} or ${RESERVED.at(-1)}`,
};

/** What comes first where a subscription's queue is long. */
export type Priority = (typeof PRIORITIES)[number];

/** The highest first. */
export const PRIORITIES = ['high', 'normal', 'low'] as const;

/** Temporal's priority keys, of 1 (first) to 5. */
export const PRIORITY_KEYS: Readonly<Record<Priority, number>> = { high: 1, normal: 3, low: 5 };
