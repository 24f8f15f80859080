import { HeadgateError } from '../errors.js';
import type { Stream } from '../events/event.js';
import type { Priority } from './subscription.js';

/**
 * Names that contain a tenant: task queues and workflow ids. They are built here alone, from a tenant id that has been
 * checked, so that no outside text reaches a queue, an id or a path unchecked.
 */
const TENANT_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;

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

/** How a tenant's workflows are run: on its process group's shared queue, or on a queue and Worker of its own. */
export type Isolation = 'pooled' | 'dedicated';

/** The pool that a process group's pooled tenants share. One group for now. */
const POOL = 0;

/** The shared workflow task queue of pooled tenants. */
export function poolQueue(): string {
  return `pool.${POOL}`;
}

/** A tenant's own task queue: its activities always, its workflows too if it is dedicated. */
export function tenantQueue(tenant: string): string {
  return `tenant.${assertTenantId(tenant)}`;
}

/** The queue of what only the process can do that owns the state beside a spool; `node` is the spool's. */
export function stateQueue(node: string): string {
  return `headgate.state.${node}`;
}

/** The queue a tenant's workflows start on. */
export function workflowQueue(tenant: string, isolation: Isolation): string {
  return isolation === 'dedicated' ? tenantQueue(tenant) : poolQueue();
}

/** Workflow id of a batch; Temporal refuses a second start under it. */
export function batchWorkflowId(tenant: string, stream: Stream, batchId: string): string {
  return `batch/${assertTenantId(tenant)}/${stream}/${assertBatchId(batchId)}`;
}

/** Workflow id of a load window; `window` is the window's start, `YYYYMMDDTHHMMSS.mmmZ`. */
export function loadWorkflowId(tenant: string, window: string): string {
  return `load/${assertTenantId(tenant)}/${window}`;
}

/** Workflow id of one of a tenant's own workflows; `id` is the tenant's own text: nothing of Headgate's begins so. */
export function ownWorkflowId(tenant: string, id: string): string {
  return `own/${assertTenantId(tenant)}/${id}`;
}

/** A subscription's own task queue. */
export function subscriptionQueue(tenant: string, subscription: string): string {
  return `tenant.${assertTenantId(tenant)}.sub.${assertSubscriptionName(subscription)}`;
}

/**
 * What tells the deliveries of one batch to one subscription apart: derived events and priorities have workflows of their
 * own, and so has each redrive and replay. Part of workflow ids.
 */
export interface DeliveryVariant {
  readonly stream: Stream;
  readonly priority: Priority;
  /** Names the redrive or replay: `[a-z0-9][a-z0-9.-]{0,62}`. */
  readonly cause?: string;
}

const CAUSE = /^[a-z0-9][a-z0-9.-]{0,62}$/;

/** Workflow id of a batch's delivery to one subscription. */
export function deliverWorkflowId(
  tenant: string,
  subscription: string,
  batchId: string,
  { stream, priority, cause }: DeliveryVariant,
): string {
  const variant = [
    ...(stream === 'events' ? [] : [stream]),
    ...(priority === 'normal' ? [] : [priority]),
    ...(cause === undefined ? [] : [assertCause(cause)]),
  ].map((part) => `/${part}`);
  const name = `${assertTenantId(tenant)}/${assertSubscriptionName(subscription)}/${assertBatchId(batchId)}`;
  return `deliver/${name}${variant.join('')}`;
}

/**
 * Workflow id of a dead letter: the delivery's, and which of its dead letters this is.
 * @param part tells those apart that were given up together for one reason, counted from 0
 */
export function deadLetterWorkflowId(deliverId: string, reason: string, pass: number, part = 0): string {
  const name = part === 0 ? `${reason}.${pass}` : `${reason}.${pass}.${part}`;
  return `dead-letter/${deliverId.slice('deliver/'.length)}/${name}`;
}

/** `<subscription>~<batch id>~…~<reason>.<pass>`: the parts of a dead letter's workflow id that follow the tenant. */
const DEAD_LETTER_ID =
  /^[a-z][a-z0-9_-]{0,62}~\d{8}-[0-9a-f]{8}-[0-9a-z]{9}(~[a-z0-9][a-z0-9.-]{0,62}){1,4}$/;

/**
 * What the API and the CLI call a dead letter: its workflow id without the tenant, `~` for `/`, so that it needs no
 * escape in a URL or a shell, and no id can name another tenant's. Undefined for what is no dead letter of the tenant.
 */
export function deadLetterIdOf(tenant: string, workflowId: string): string | undefined {
  const prefix = deadLetterPrefix(tenant);
  if (!workflowId.startsWith(prefix)) return undefined;
  const id = workflowId.slice(prefix.length).replaceAll('/', '~');
  return DEAD_LETTER_ID.test(id) ? id : undefined;
}

/**
 * The workflow id of a tenant's dead letter, by its {@link deadLetterIdOf | id}.
 * @throws HeadgateError `NOT_FOUND`: no dead letter can have this id
 */
export function workflowIdOfDeadLetter(tenant: string, id: unknown): string {
  if (typeof id === 'string' && id.length <= 400 && DEAD_LETTER_ID.test(id))
    return deadLetterPrefix(tenant) + id.replaceAll('~', '/');
  throw new HeadgateError('NOT_FOUND', 'No dead letter has this id.');
}

function deadLetterPrefix(tenant: string): string {
  return `dead-letter/${assertTenantId(tenant)}/`;
}

/** Workflow id of a redrive, or discard, of many dead letters. */
export function redriveWorkflowId(tenant: string, redriveId: string): string {
  return `redrive/${assertTenantId(tenant)}/${assertCause(redriveId)}`;
}

/** Workflow id of a replay. */
export function replayWorkflowId(tenant: string, replayId: string): string {
  return `replay/${assertTenantId(tenant)}/${assertCause(replayId)}`;
}

/**
 * Returns `cause` when it may name a redrive or replay.
 * @throws HeadgateError `NOT_FOUND`
 */
export function assertCause(cause: string): string {
  if (CAUSE.test(cause)) return cause;
  throw new HeadgateError('NOT_FOUND', 'No redrive or replay has this id.');
}
