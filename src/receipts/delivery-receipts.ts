import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { findOwn } from '../dead-letters/find.js';
import { askTemporal } from '../temporal/ask-temporal.js';
import { lastHeartbeat } from '../temporal/last-heartbeat.js';
import { workflowInput } from '../temporal/workflow-input.js';
import { HeadgateError, unless } from '../errors.js';
import { LineSet } from '../events/line-set.js';
import { STATUS } from '../tenants/search-attributes.js';
import { deadLetterIdOf } from '../tenants/workflow-ids.js';
import {
  DEAD_LETTER,
  DELIVER,
  PROGRESS,
  type DeadLetterMemo,
  type DeliverProgress,
  type DeliverResult,
} from '../workflows/messages/deliveries.js';
import type { RoutedEvents, IngestBatchInput } from '../workflows/messages/batches.js';
import { progressOf, type WorkflowProgress } from '../temporal/workflow-progress.js';
import type { TemporalUi } from '../temporal/workflow-page.js';

/**
 * How far a delivery is.
 * - `running`: some of its events are on their way, or wait to be tried again, or for a subscription that is paused;
 * - `delivered`: all are;
 * - `dead-lettered`: it is through, and some of its events became dead letters;
 * - `ended`: its workflow was ended by hand;
 * - `unknown`: it is older than Temporal keeps histories.
 */
type DeliveryState = 'running' | 'delivered' | 'dead-lettered' | 'ended' | 'unknown';

/** A dead letter of a delivery. */
interface DeadLetterReceipt extends Pick<DeadLetterMemo, 'reason' | 'count' | 'attempts'> {
  /** By which it is shown, redriven and discarded. */
  readonly id: string;
  /** `dead-letter` while it waits; then `redriven`, `discarded` or `expired`, or `ended` when it was ended by hand. */
  readonly status: string;
}

/** What became of the events of a batch that one subscription is to get. */
export interface DeliveryReceipt extends Pick<RoutedEvents, 'subscription' | 'of' | 'priority'> {
  readonly state: DeliveryState;
  /** Events that are to be delivered. */
  readonly events: number;
  /** Of them, the delivered ones. This and the next three are absent where nobody can tell: it runs, and no worker answers. */
  readonly delivered?: number;
  readonly deadLettered?: number;
  /** How often it was gone over what was pending. */
  readonly passes?: number;
  /** What was pending when the pass on its way began, by attempts; `dueAt` says when it is tried again, RFC 3339. */
  readonly pending?: readonly {
    readonly attempts: number;
    readonly count: number;
    readonly dueAt?: string;
  }[];
  /** The first 20 of them. */
  readonly deadLetters: readonly DeadLetterReceipt[];
  /** Absent where all of it became a dead letter at once. */
  readonly workflow?: WorkflowProgress;
}

/** What {@link deliveryReceipts} needs. */
export interface DeliveryReceiptOptions extends TemporalUi {
  readonly client: Client;
}

const MAX_DEAD_LETTERS = 20;
/** Deliveries that Temporal is asked about at once. */
const AT_ONCE = 10;

/**
 * Looks up what became of a batch's deliveries: one for each subscription, stream and priority that its events were
 * routed to, so that there are no more than a tenant's file allows.
 * @param ids their workflow ids, in the order of what was routed
 * @throws HeadgateError `ENGINE_UNAVAILABLE`
 */
export async function deliveryReceipts(
  options: DeliveryReceiptOptions,
  tenant: string,
  batch: WorkflowExecutionDescription,
  ids: readonly string[],
): Promise<DeliveryReceipt[]> {
  const { client } = options;
  const input = await askTemporal(client, () => workflowInput(client, batch));
  const { routed = [], ...files } = input as IngestBatchInput;
  const receipts: DeliveryReceipt[] = [];
  for (let at = 0; at < ids.length; at += AT_ONCE) {
    const some = ids.slice(at, at + AT_ONCE);
    const receiptAt = (id: string, n: number) => receiptOf(options, tenant, id, routed[at + n]!, files);
    receipts.push(...(await Promise.all(some.map(receiptAt))));
  }
  return receipts;
}

async function receiptOf(
  options: DeliveryReceiptOptions,
  tenant: string,
  id: string,
  routed: RoutedEvents,
  files: Pick<IngestBatchInput, 'batch' | 'decided'>,
): Promise<DeliveryReceipt> {
  const { subscription, of, priority, count: events } = routed;
  const known = { subscription, of, priority, events };
  // What loops, or has no subscription any more, is dead-lettered without a delivery.
  if (deadLetterIdOf(tenant, id) !== undefined) {
    const deadLetters = await deadLetterReceipts(options, tenant, [id]);
    const counts = { delivered: 0, deadLettered: events, passes: 0 };
    return { ...known, state: 'dead-lettered', ...counts, deadLetters };
  }
  const found = await findOwn(options, tenant, id, DELIVER).catch(unless('NOT_FOUND'));
  if (found === undefined) return { ...known, state: 'unknown', deadLetters: [] };
  const lines = of === 'events' ? files.batch.events : (files.decided.decisions?.events ?? 0);
  const progress = await progressNow(options, found, lines);
  const deadLetters = await deadLetterReceipts(options, tenant, progress?.soFar.deadLetters ?? []);
  return {
    ...known,
    state: stateOf(found, progress),
    ...(progress !== undefined && countsOf(progress)),
    deadLetters,
    workflow: progressOf(found, options),
  };
}

function stateOf(
  { status }: WorkflowExecutionDescription,
  progress: DeliverProgress | undefined,
): DeliveryState {
  if (status.name === 'RUNNING') return 'running';
  if (status.name !== 'COMPLETED') return 'ended';
  return progress?.soFar.deadLettered === 0 ? 'delivered' : 'dead-lettered';
}

function countsOf({ soFar, pending }: DeliverProgress) {
  const { delivered, deadLettered, passes } = soFar;
  return {
    delivered,
    deadLettered,
    passes,
    pending: pending.map(({ attempts, count, dueAt }) => ({
      attempts,
      count,
      ...(dueAt !== undefined && { dueAt: new Date(dueAt).toISOString() }),
    })),
  };
}

/** What a delivery has come to; undefined where nobody can tell. */
async function progressNow(
  { client }: DeliveryReceiptOptions,
  found: WorkflowExecutionDescription,
  lines: number,
): Promise<DeliverProgress | undefined> {
  const handle = client.workflow.getHandle(found.workflowId, found.runId);
  if (found.status.name === 'COMPLETED')
    return { soFar: await askTemporal(client, () => handle.result() as Promise<DeliverResult>), pending: [] };
  if (found.status.name !== 'RUNNING') return undefined;
  try {
    const progress = await askTemporal(client, () => handle.query<DeliverProgress>(PROGRESS));
    // Looked at after it: a pass that ends in between may be missed, but is not counted twice.
    const confirmed = confirmedNow(await askTemporal(client, () => handle.describe()), lines);
    const delivered = progress.soFar.delivered + confirmed;
    return { ...progress, soFar: { ...progress.soFar, delivered } };
  } catch (error) {
    // A query is answered by a worker, and there may be none at the moment.
    if (error instanceof HeadgateError && error.code === 'ENGINE_UNAVAILABLE') return undefined;
    throw error;
  }
}

/** Events that the pass on its way has delivered by its last heartbeat. */
function confirmedNow(description: WorkflowExecutionDescription, lines: number): number {
  const details = lastHeartbeat<{ delivered?: string; acked?: string } | null>(description);
  const confirmed = details?.delivered ?? details?.acked;
  return confirmed === undefined ? 0 : LineSet.decode(confirmed, lines).count;
}

async function deadLetterReceipts(
  options: DeliveryReceiptOptions,
  tenant: string,
  workflowIds: readonly string[],
): Promise<DeadLetterReceipt[]> {
  const receipts = workflowIds.slice(0, MAX_DEAD_LETTERS).map(async (workflowId) => {
    const id = deadLetterIdOf(tenant, workflowId);
    const found = await findOwn(options, tenant, workflowId, DEAD_LETTER).catch(unless('NOT_FOUND'));
    if (id === undefined || found === undefined) return [];
    const { reason, count, attempts } = found.memo as unknown as DeadLetterMemo;
    return [{ id, reason, count, attempts, status: statusOf(found) }];
  });
  return (await Promise.all(receipts)).flat();
}

/** One that was ended by hand keeps the search attribute of one that waits. */
function statusOf({ status, typedSearchAttributes }: WorkflowExecutionDescription): string {
  const ended = status.name !== 'RUNNING' && status.name !== 'COMPLETED';
  return (ended ? undefined : typedSearchAttributes.get(STATUS)) ?? 'ended';
}
