import { HeadgateError } from '../errors.js';
import type { Stream } from '../events/event.js';
import { assertBatchId, assertSubscriptionName, assertTenantId, isTenantId } from './ids.js';
import type { Priority } from './subscription.js';

/** Whose workflow it is: the second part of ids of Headgate's own. Undefined where that is not a tenant id. */
export function tenantOfWorkflow(workflowId: string): string | undefined {
  const [, tenant] = workflowId.split('/');
  return isTenantId(tenant) ? tenant : undefined;
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

/** Workflow id of a reload. */
export function reloadWorkflowId(tenant: string, reloadId: string): string {
  return `reload/${assertTenantId(tenant)}/${assertCause(reloadId)}`;
}

/**
 * Returns `cause` when it may name a redrive or replay.
 * @throws HeadgateError `NOT_FOUND`
 */
export function assertCause(cause: string): string {
  if (CAUSE.test(cause)) return cause;
  throw new HeadgateError('NOT_FOUND', 'No redrive or replay has this id.');
}
