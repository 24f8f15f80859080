import { HeadgateError } from '../errors.js';

/**
 * Ids that become part of task queues, workflow ids and paths. They are checked here, so that no outside text reaches any
 * of them unchecked.
 */
/** What a tenant's id is like. */
export const TENANT_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;

/** Batch ids are made by the spool (`<yyyymmdd>-<node>-<sequence>`); anything else is refused before it reaches an id or a path. */
const BATCH_ID = /^\d{8}-[0-9a-f]{8}-[0-9a-z]{9}$/;

/** True when `id` may name a tenant: `[A-Za-z0-9][A-Za-z0-9_-]{0,62}`. */
export function isTenantId(id: unknown): id is string {
  return typeof id === 'string' && TENANT_ID.test(id);
}

/**
 * Returns `id` when it may name a tenant.
 * @throws HeadgateError `TENANT_ID_INVALID`
 */
export function assertTenantId(id: unknown): string {
  if (isTenantId(id)) return id;
  throw new HeadgateError(
    'TENANT_ID_INVALID',
    'A tenant id has 1 to 63 letters, digits, "_" or "-", and starts with a letter or digit.',
  );
}

/** How workflow ids of each of Headgate's own kinds begin, and those of tenants' own: no tenant may be called so. */
const RESERVED_TENANT = /^(batch|load|deliver|dead-letter|redrive|replay|own|temporal-.*)$/i;

/**
 * True for an id that no tenant may have, although its form is right: kinds of workflow ids, and what Temporal keeps for
 * itself.
 */
export function isReservedTenantId(id: unknown): boolean {
  return typeof id === 'string' && RESERVED_TENANT.test(id);
}

/** True when `id` has the form of a batch id. */
export function isBatchId(id: unknown): id is string {
  return typeof id === 'string' && BATCH_ID.test(id);
}

/**
 * Returns `id` when it has the form of a batch id.
 * @throws HeadgateError `NOT_FOUND`: no batch can have this id.
 */
export function assertBatchId(id: unknown): string {
  if (isBatchId(id)) return id;
  throw new HeadgateError('NOT_FOUND', 'No batch has this id.');
}

/** The day (`YYYY-MM-DD`, UTC) a batch was planned, read from its id. */
export function dayOfBatch(batchId: string): string {
  return `${batchId.slice(0, 4)}-${batchId.slice(4, 6)}-${batchId.slice(6, 8)}`;
}

/** The node whose spool a batch comes from, read from its id. */
export function nodeOfBatch(batchId: string): string {
  return batchId.slice(9, 17);
}

/** Begins the sequence number of batches that hold rows of others again; a spool would come to it after 10^14 batches. */
export const COPY_MARK = 'z';

/** True for a batch that holds rows of another again, made to load them: replays have them from the other. */
export function isCopy(batchId: string): boolean {
  return batchId.slice(18).startsWith(COPY_MARK);
}

/** Names of subscriptions: part of queues, workflow ids, paths and metrics. */
const SUBSCRIPTION_NAME = /^[a-z][a-z0-9_-]{0,62}$/;

/** True when `name` may name a subscription: `[a-z][a-z0-9_-]{0,62}`. */
export function isSubscriptionName(name: unknown): name is string {
  return typeof name === 'string' && SUBSCRIPTION_NAME.test(name);
}

/**
 * Returns `name` when it may name a subscription.
 * @throws HeadgateError `NOT_FOUND`: no subscription can have this name
 */
export function assertSubscriptionName(name: unknown): string {
  if (isSubscriptionName(name)) return name;
  throw new HeadgateError('NOT_FOUND', 'No subscription has this name.');
}
