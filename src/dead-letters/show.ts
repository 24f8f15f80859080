import type { WorkflowExecutionDescription } from '@temporalio/client';
import { askTemporal } from '../temporal/ask-temporal.js';
import { DEAD_LETTER_STATUS, STATUS } from '../tenants/search-attributes.js';
import type { LoggedDelivery } from '../stores/delivery-log/delivery-log.js';
import { workflowIdOfDeadLetter } from '../tenants/workflow-ids.js';
import { DEAD_LETTER, type DeadLetterInput, type DeadLetterMemo } from '../workflows/messages/deliveries.js';
import { deadEventsOf, inputOf, type DeadEvent } from './contents.js';
import { findOwn } from './find.js';
import type { DeadLetterOptions } from './options.js';
import { resolutionOf, type DeadLetterResolution } from './resolution.js';
import { summaryOf, type DeadLetterSummary } from './summary.js';

/** Which of its events to show. */
export interface ShowRequest {
  /** The first, counted from 0. */
  readonly eventsFrom: number;
  /** 0 to 200. */
  readonly limit: number;
}

/** An attempt to deliver an event. */
type ShownAttempt = Omit<LoggedDelivery, 'line'>;

/** A dead event with every attempt to deliver it that is on record. */
export interface ShownEvent extends DeadEvent {
  readonly attempts: readonly ShownAttempt[];
}

/** Everything about a dead letter. */
export interface DeadLetterDetail extends DeadLetterSummary {
  readonly status: 'dead-letter' | DeadLetterResolution['outcome'];
  /** Who has resolved it, and what came of it. */
  readonly resolution?: DeadLetterResolution;
  readonly events: readonly ShownEvent[];
  /** Events in all: `eventsFrom` of the next page is below it. */
  readonly eventsTotal: number;
  /** Why there are no events, where their file is gone or damaged. */
  readonly eventsUnreadable?: string;
}

/** Shows one dead letter of a tenant, whether it waits or not. @throws HeadgateError `NOT_FOUND`, `ENGINE_UNAVAILABLE` */
export async function showDeadLetter(
  options: DeadLetterOptions,
  tenant: string,
  id: string,
  { eventsFrom, limit }: ShowRequest,
): Promise<DeadLetterDetail> {
  const { client, batchStore } = options;
  const found = await findOwn(options, tenant, workflowIdOfDeadLetter(tenant, id), DEAD_LETTER);
  const input = await askTemporal(client, () => inputOf(client, tenant, found));
  const [resolution, dead] = await Promise.all([
    waits(found) ? undefined : resolutionOf(options, found),
    deadEventsOf(batchStore, input),
  ]);
  const events = await withAttempts(options, input, dead.slice(eventsFrom, eventsFrom + limit));
  return {
    ...summaryOf(options, visibleOf(id, found, input)),
    status: resolution?.outcome ?? 'dead-letter',
    ...(resolution !== undefined && { resolution }),
    events,
    eventsTotal: dead.total,
    ...(dead.unreadable !== undefined && { eventsUnreadable: dead.unreadable }),
  };
}

/** Read from what `describe` answers, so that no Worker is needed to show what waits. */
function waits({ status, typedSearchAttributes }: WorkflowExecutionDescription): boolean {
  return status.name === 'RUNNING' && typedSearchAttributes.get(STATUS) === DEAD_LETTER_STATUS;
}

function visibleOf(id: string, found: WorkflowExecutionDescription, { delivery }: DeadLetterInput) {
  const { workflowId, runId } = found;
  const memo = found.memo as unknown as DeadLetterMemo;
  return { id, workflowId, runId, subscription: delivery.subscription, memo };
}

async function withAttempts(
  { deliveryLog }: DeadLetterOptions,
  { delivery }: DeadLetterInput,
  events: readonly DeadEvent[],
): Promise<ShownEvent[]> {
  if (events.length === 0) return [];
  const { tenant, subscription, batch, priority, cause } = delivery;
  const { batchId, stream } = batch;
  const attempts = new Map<number, ShownAttempt[]>(events.map(({ line }) => [line, []]));
  const logged = await deliveryLog.read({ tenant, subscription, batchId, stream, priority, cause });
  for (const { line, ...attempt } of logged) attempts.get(line)?.push(attempt);
  return events.map((each) => ({ ...each, attempts: attempts.get(each.line) ?? [] }));
}
