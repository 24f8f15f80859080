import type { Client } from '@temporalio/client';
import { deliveredEvent } from '../events/delivered-event.js';
import { workflowInput } from '../temporal/workflow-input.js';
import { HeadgateError } from '../errors.js';
import type { EventRow, Stream } from '../events/event.js';
import { LineSet } from '../events/line-set.js';
import { TextLines } from '../events/ndjson.js';
import { isUnreadable, type BatchStore } from '../stores/batch-store/batch-store.js';
import type { DeadLetterInput } from '../workflows/messages/deliveries.js';
import { isBeyondRedrive } from '../workflows/messages/ingest-dead-letter.js';

/** A dead event: its line in the batch, and the event as the subscriber would have got it. */
export interface DeadEvent {
  readonly line: number;
  /** Null for a line that is not an event: it may be dead for that. */
  readonly event: EventRow | null;
  /** Such a line as it is. */
  readonly text?: string;
}

/** The events of a dead letter, of which a part may be read without the rest being parsed. */
export interface DeadEvents {
  readonly total: number;
  slice(from: number, to: number): DeadEvent[];
  /** Why there are none, where their file is gone or damaged. */
  readonly unreadable?: string;
}

/**
 * What a dead letter was started with, from the first event of its history.
 * @throws HeadgateError `NOT_FOUND` when it is of another tenant
 */
export async function inputOf(
  client: Client,
  tenant: string,
  execution: { readonly workflowId: string; readonly runId: string },
): Promise<DeadLetterInput> {
  const input = (await workflowInput(client, execution)) as DeadLetterInput | undefined;
  // What is read next is found by it: it has to be the tenant's own, no matter who has started the workflow.
  if (input?.delivery.tenant === tenant && input.delivery.batch.tenant === tenant) return input;
  throw new HeadgateError('NOT_FOUND', 'No dead letter has this id.');
}

/** Opens a dead letter's events in the file of their batch. */
export async function deadEventsOf(
  batchStore: Pick<BatchStore, 'read'>,
  { delivery: { batch }, dead }: DeadLetterInput,
): Promise<DeadEvents> {
  if (isBeyondRedrive(dead.reason)) return { total: dead.count, slice: () => [], unreadable: dead.detail };
  try {
    const lines = [...LineSet.decode(dead.lines, batch.events)];
    const file = new TextLines(await batchStore.read(batch));
    return {
      total: lines.length,
      slice: (from, to) => lines.slice(from, to).map((line) => deadEvent(line, file.at(line), batch.stream)),
    };
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    return { total: dead.count, slice: () => [], unreadable: error.message };
  }
}

function deadEvent(line: number, text: string, stream: Stream): DeadEvent {
  try {
    return { line, event: deliveredEvent(text, stream) };
  } catch {
    return { line, event: null, text };
  }
}
