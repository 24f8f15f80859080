import type { Client } from '@temporalio/client';
import { unless } from '../errors.js';
import type { DecisionRow, Stream } from '../events/event.js';
import { LineSet } from '../events/line-set.js';
import type { BatchReceipt, Receipts } from '../receipts/receipts.js';
import type { DeliveryReceipt } from '../receipts/delivery-receipts.js';
import { openIfThere, type BatchStore, type OpenBatch } from '../stores/batch-store/batch-store.js';
import type { DeliveryLog, LoggedDelivery } from '../stores/delivery-log/delivery-log.js';
import { askTemporal } from '../temporal/ask-temporal.js';
import { workflowInput } from '../temporal/workflow-input.js';
import type { IngestBatchInput, RoutedEvents } from '../workflows/messages/batches.js';
import { deadLettersOf, type EventDeadLetter } from './event-dead-letters.js';
import { summaryOf, type EventSummary, type FoundEvent } from './found-event.js';
import { matchingLines, type MatchingLine } from './matching-lines.js';

/** What stories are put together from. */
export interface StoryOptions {
  readonly client: Client;
  readonly receipts: Receipts;
  readonly batchStore: Pick<BatchStore, 'open'>;
  readonly deliveryLog: Pick<DeliveryLog, 'read' | 'causes'>;
}

/** What was decided on an event. */
interface EventDecision extends Pick<DecisionRow, 'rule' | 'outcome' | 'reason'> {
  readonly ruleVersion: string;
}

/** An attempt to deliver an event. */
interface EventAttempt extends Omit<LoggedDelivery, 'line' | 'event'> {
  /** The redrive or replay that made it; absent for the first delivery. */
  readonly cause?: string;
}

/**
 * How far the delivery of one event is.
 * - `running`: it is on its way, or waits to be tried again;
 * - `delivered`: the receiver has it;
 * - `dead-lettered`: it is a dead letter that waits;
 * - `redriven`, `discarded`, `expired`: what became of its dead letter, while it is not delivered;
 * - `ended`: a workflow of it was ended by hand;
 * - `unknown`: it is older than Temporal keeps histories.
 */
type EventDeliveryState =
  'running' | 'delivered' | 'dead-lettered' | 'redriven' | 'discarded' | 'expired' | 'ended' | 'unknown';

/** What one subscription got of an event. */
export interface EventDelivery extends Pick<
  DeliveryReceipt,
  'subscription' | 'of' | 'priority' | 'workflow'
> {
  readonly state: EventDeliveryState;
  /** The last 20, the oldest first. */
  readonly attempts: readonly EventAttempt[];
  readonly deadLetters: readonly EventDeadLetter[];
}

/** What became of an event. */
export interface EventStory extends EventSummary {
  /** Its line in the batch, counted from 0. */
  readonly line?: number;
  /** The workflow of its batch; absent while it is in no batch, and where Temporal no longer knows it. */
  readonly workflow?: BatchReceipt['workflow'];
  readonly decisions?: readonly EventDecision[];
  readonly load?: BatchReceipt['load'];
  readonly deliveries?: readonly EventDelivery[];
}

/** Attempts and causes that are shown. */
const MOST = { attempts: 20, causes: 10 };

/** Puts together what became of an event that was found. @throws HeadgateError `ENGINE_UNAVAILABLE` */
export async function storyOf(options: StoryOptions, tenant: string, found: FoundEvent): Promise<EventStory> {
  const { batchStore, receipts } = options;
  const { batchId, line } = found;
  const summary = summaryOf(found);
  if (batchId === undefined || line === undefined) return summary;
  const [decided, receipt] = await Promise.all([
    openIfThere(batchStore, { tenant, stream: 'decisions', batchId }),
    receipts.receiptOf(tenant, batchId).catch(unless('NOT_FOUND')),
  ]);
  const decisions = decided === undefined ? [] : decisionsOn(found, decided);
  const lines = { events: [line], decisions: decisions.map((each) => each.line) };
  const deliveries = receipt && (await deliveriesOf(options, tenant, found, receipt, lines));
  return {
    ...summary,
    line,
    decisions: decisions.map(({ row }) => {
      const { rule, rule_version: ruleVersion, outcome, reason } = row as unknown as DecisionRow;
      return { rule, ruleVersion, outcome, reason };
    }),
    ...(receipt !== undefined && { workflow: receipt.workflow }),
    ...(receipt?.load !== undefined && { load: receipt.load }),
    ...(deliveries !== undefined && { deliveries }),
  };
}

function decisionsOn({ row: { id, source } }: FoundEvent, { ndjson }: OpenBatch): MatchingLine[] {
  return matchingLines(ndjson, 'event_id', id).filter(({ row }) => {
    const { event_source: of = source } = row as unknown as DecisionRow;
    return of === source;
  });
}

type Lines = Readonly<Record<RoutedEvents['of'], readonly number[]>>;

async function deliveriesOf(
  options: StoryOptions,
  tenant: string,
  found: FoundEvent,
  { batchId, workflow, deliveries }: BatchReceipt,
  lines: Lines,
): Promise<EventDelivery[] | undefined> {
  if (deliveries === undefined) return undefined;
  const { client } = options;
  const {
    routed = [],
    batch,
    decided,
  } = (await askTemporal(client, () => workflowInput(client, workflow))) as IngestBatchInput;
  const own = deliveries.flatMap((delivery, index) => {
    const { of, lines: encoded } = routed[index] ?? {};
    const total = of === 'events' ? batch.events : (decided.decisions?.events ?? 0);
    const set = LineSet.decode(encoded, total);
    const having = of === undefined ? [] : lines[of].filter((line) => set.has(line));
    return having.length === 0 ? [] : [{ delivery, having }];
  });
  return Promise.all(
    own.map(({ delivery, having }) => {
      const stream = delivery.of === 'events' ? found.stream : 'decisions';
      return deliveryOf(options, { tenant, batchId, stream }, delivery, having);
    }),
  );
}

async function deliveryOf(
  options: StoryOptions,
  batch: { readonly tenant: string; readonly batchId: string; readonly stream: Stream },
  receipt: DeliveryReceipt,
  lines: readonly number[],
): Promise<EventDelivery> {
  const { subscription, of, priority, workflow } = receipt;
  const [attempts, deadLetters] = await Promise.all([
    attemptsOf(options.deliveryLog, { ...batch, subscription, priority }, lines),
    deadLettersOf(options, batch.tenant, receipt, lines),
  ]);
  return {
    subscription,
    of,
    priority,
    state: stateOf(receipt, attempts, deadLetters),
    attempts: attempts.slice(-MOST.attempts),
    deadLetters,
    ...(workflow !== undefined && { workflow }),
  };
}

async function attemptsOf(
  log: StoryOptions['deliveryLog'],
  name: Parameters<DeliveryLog['causes']>[0],
  lines: readonly number[],
): Promise<EventAttempt[]> {
  const causes = (await log.causes(name)).slice(-MOST.causes);
  const read = async (cause?: string): Promise<EventAttempt[]> => {
    const logged = await log.read({ ...name, cause });
    return logged.filter(({ line }) => lines.includes(line)).map((each) => attemptOf(each, cause));
  };
  const all = await Promise.all([read(), ...causes.map(read)]);
  return all.flat().sort((one, other) => Date.parse(one.at) - Date.parse(other.at));
}

function attemptOf(logged: LoggedDelivery, cause?: string): EventAttempt {
  const attempt: EventAttempt & { line?: number; event?: string } = {
    ...logged,
    ...(cause !== undefined && { cause }),
  };
  // Whose it is, is known.
  delete attempt.line;
  delete attempt.event;
  return attempt;
}

function stateOf(
  { state }: DeliveryReceipt,
  attempts: readonly EventAttempt[],
  deadLetters: readonly EventDeadLetter[],
): EventDeliveryState {
  if (attempts.some(({ outcome }) => outcome === 'delivered')) return 'delivered';
  const last = deadLetters.at(-1)?.status;
  if (last === 'dead-letter') return 'dead-lettered';
  if (last !== undefined) return last;
  // Others of the batch are dead letters, and this one is not.
  return state === 'dead-lettered' ? 'delivered' : state;
}
