import { WorkflowExecutionAlreadyStartedError, type Client } from '@temporalio/client';
import { deliveredEvent } from '../../delivered-event.js';
import type { EventRow } from '../../event.js';
import { LineSet } from '../../line-set.js';
import { DEAD_LETTER_STATUS, subscriptionAttributes } from '../../search-attributes.js';
import { isUnreadable, type BatchStore } from '../../stores/batch-store/batch-store.js';
import { deadLetterWorkflowId, deliverWorkflowId, workflowQueue, type Isolation } from '../../tenant.js';
import {
  DEAD_LETTER,
  type DeadLetterInput,
  type DeadLetterMemo,
  type ParkInput,
} from '../../workflows/delivery-messages.js';

/** What {@link createPark} needs. */
export interface ParkOptions {
  readonly client: Client;
  readonly batchStore: BatchStore;
  readonly isolationOf: (tenant: string) => Isolation;
  readonly onParked?: (input: ParkInput) => void;
  readonly now?: () => number;
}

/** Parks dead events; returns the id of the workflow that holds them. */
export type Park = (input: ParkInput) => Promise<string>;

/** Event types named in a dead letter's memo: people look for dead letters by type, so that few may be missing. */
const TYPES_SHOWN = 50;

/**
 * Builds the activity that parks what could not be delivered, as a workflow that waits. Its memo says what a list shows,
 * so that listing opens no history; the events stay in the batch's file.
 */
export function createPark(options: ParkOptions): Park {
  const { client, batchStore, isolationOf, now = Date.now } = options;
  return async (input) => {
    const { tenant, subscription, batch, priority, cause, expiresAt } = input.delivery;
    const { reason, count } = input.dead;
    const variant = { stream: batch.stream, priority, cause };
    const delivering = deliverWorkflowId(tenant, subscription, batch.batchId, variant);
    const workflowId = deadLetterWorkflowId(delivering, reason, input.passes, input.part);
    const parkedAt = now();
    const memo = { ...(await contentsOf(batchStore, input)), parkedAt, expiresAt } satisfies DeadLetterMemo;
    const args: [DeadLetterInput] = [{ ...input, parkedAt }];
    try {
      await client.workflow.start(DEAD_LETTER, {
        workflowId,
        taskQueue: workflowQueue(tenant, isolationOf(tenant)),
        args,
        memo: { ...memo },
        workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
        workflowIdConflictPolicy: 'FAIL',
        staticSummary: `${tenant} · ${subscription} · ${count} dead: ${reason}`,
        typedSearchAttributes: subscriptionAttributes(tenant, subscription, batch.stream, DEAD_LETTER_STATUS),
      });
      options.onParked?.(input);
    } catch (error) {
      // An attempt whose answer was lost has parked them.
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
    return workflowId;
  };
}

async function contentsOf(
  batchStore: BatchStore,
  { delivery, dead }: ParkInput,
): Promise<Omit<DeadLetterMemo, 'parkedAt' | 'expiresAt'>> {
  const { batch, kind } = delivery;
  const { reason, detail, attempts, count } = dead;
  const rows = await deadRows(batchStore, delivery.batch, dead.lines);
  const types = [...new Set(rows.map(({ type }) => type))].sort().slice(0, TYPES_SHOWN);
  return {
    ...{ kind, reason, detail, attempts, count, types },
    ...{ stream: batch.stream, batchId: batch.batchId },
    firstEvent: rows[0]?.id ?? '',
    lastEvent: rows.at(-1)?.id ?? '',
  };
}

/** A file that is gone or damaged is no reason not to say that its events were not delivered. */
async function deadRows(
  batchStore: BatchStore,
  batch: ParkInput['delivery']['batch'],
  lines: string | undefined,
): Promise<EventRow[]> {
  try {
    const all = (await batchStore.read(batch)).toString('utf8').split('\n');
    const dead = [...LineSet.decode(lines, batch.events)];
    return dead.map((line) => deliveredEvent(all[line] ?? '', batch.stream));
  } catch (error) {
    if (isUnreadable(error)) return [];
    throw error;
  }
}
