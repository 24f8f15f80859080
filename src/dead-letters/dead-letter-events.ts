import type { Client } from '@temporalio/client';
import { deliveredEvent } from '../events/delivered-event.js';
import type { BatchRef, EventRow } from '../events/event.js';
import { faultPoint } from '../platform/fault-point.js';
import { LineSet } from '../events/line-set.js';
import { DEAD_LETTER_STATUS, subscriptionAttributes } from '../tenants/search-attributes.js';
import { startOnce } from '../temporal/start-once.js';
import type { BatchStore } from '../stores/batch-store/batch-store.js';
import { deadLetterWorkflowId, deliverWorkflowId } from '../tenants/workflow-ids.js';
import { workflowQueue, type Isolation } from '../tenants/queues.js';
import {
  DEAD_LETTER,
  LATE_LETTER_MS,
  type DeadLetterInput,
  type DeadLetterMemo,
  type DeadLetterEventsInput,
} from '../workflows/messages/deliveries.js';
import { type BatchContents, WORKFLOW_TASK_TIMEOUT } from '../workflows/messages/batches.js';
import { linesOf } from '../stores/batch-store/batch-lines.js';

/** What {@link createDeadLetterEvents} needs. */
export interface DeadLetterEventsOptions {
  readonly client: Client;
  readonly batchStore: BatchStore;
  readonly isolationOf: (tenant: string) => Isolation;
  readonly onDeadLettered?: (input: DeadLetterEventsInput) => void;
  readonly now?: () => number;
}

/** Makes a dead letter of events; returns the id of the workflow that holds them. */
export type DeadLetterEvents = (input: DeadLetterEventsInput) => Promise<string>;

/** Event types named in a dead letter's memo: people look for dead letters by type, so that few may be missing. */
const TYPES_SHOWN = 50;
/** Characters of a type, an id or a detail in it: Temporal bounds what a memo holds, and producers write what they like. */
const TEXT_SHOWN = 512;

/**
 * Builds the activity that dead-letters what could not be delivered, as a workflow that waits. Its memo says what a list shows,
 * so that listing opens no history; the events stay in the batch's file.
 */
export function createDeadLetterEvents(options: DeadLetterEventsOptions): DeadLetterEvents {
  const { client, batchStore, isolationOf, now = Date.now } = options;
  return async ({ contents, ...input }) => {
    const { tenant, subscription, batch, priority, cause } = input.delivery;
    const { reason, count } = input.dead;
    const parkedAt = now();
    const { expiresAt: over } = input.delivery;
    const expiresAt = over > parkedAt ? over : parkedAt + LATE_LETTER_MS;
    const variant = { stream: batch.stream, priority, cause };
    const delivering = deliverWorkflowId(tenant, subscription, batch.batchId, variant);
    const workflowId = deadLetterWorkflowId(delivering, reason, input.passes, input.part);
    const memo: DeadLetterMemo = {
      ...(await contentsOf(batchStore, { ...input, contents })),
      parkedAt,
      expiresAt,
    };
    const args: [DeadLetterInput] = [{ ...input, delivery: { ...input.delivery, expiresAt }, parkedAt }];
    faultPoint('park.before');
    // One that is there: an attempt whose answer was lost has dead-lettered them.
    const started = await startOnce(client, {
      type: DEAD_LETTER,
      tenant,
      start: {
        workflowId,
        taskQueue: workflowQueue(tenant, isolationOf(tenant)),
        args,
        workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT,
        memo: { ...memo },
        workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
        workflowIdConflictPolicy: 'FAIL',
        staticSummary: `${tenant} · ${subscription} · ${count} dead: ${reason}`,
        typedSearchAttributes: subscriptionAttributes(tenant, subscription, batch.stream, DEAD_LETTER_STATUS),
      },
    });
    if (started) options.onDeadLettered?.(input);
    faultPoint('park.after');
    return workflowId;
  };
}

async function contentsOf(
  batchStore: BatchStore,
  { delivery, dead, contents }: DeadLetterEventsInput,
): Promise<Omit<DeadLetterMemo, 'parkedAt' | 'expiresAt'>> {
  const { batch, kind } = delivery;
  const { reason, detail, attempts, count } = dead;
  const { types, firstEvent, lastEvent } = contents ?? (await readContents(batchStore, batch, dead.lines));
  return {
    kind,
    reason,
    detail: shown(detail),
    attempts,
    count,
    types: [...new Set(types.slice(0, TYPES_SHOWN).map(shown))],
    stream: batch.stream,
    batchId: batch.batchId,
    firstEvent: shown(firstEvent),
    lastEvent: shown(lastEvent),
  };
}

async function readContents(
  batchStore: BatchStore,
  batch: BatchRef,
  lines: string | undefined,
): Promise<BatchContents> {
  const rows = await deadRows(batchStore, batch, lines);
  return {
    types: [...new Set(rows.map(({ type }) => type))].sort(),
    firstEvent: rows[0]?.id ?? '',
    lastEvent: rows.at(-1)?.id ?? '',
  };
}

function shown(text: string): string {
  return text.length > TEXT_SHOWN ? `${text.slice(0, TEXT_SHOWN - 1)}…` : text;
}

/** A file that is gone or damaged is no reason not to say that its events were not delivered. */
async function deadRows(
  batchStore: BatchStore,
  batch: BatchRef,
  lines: string | undefined,
): Promise<EventRow[]> {
  const all = await linesOf(batchStore, batch);
  if (all === undefined) return [];
  const dead = [...LineSet.decode(lines, batch.events)];
  return dead.map((line) => deliveredEvent(all.at(line), batch.stream));
}
