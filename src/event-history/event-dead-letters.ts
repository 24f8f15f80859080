import type { Client } from '@temporalio/client';
import { inputOf } from '../dead-letters/contents.js';
import { findOwn } from '../dead-letters/find.js';
import { resolutionOf, type DeadLetterResolution } from '../dead-letters/resolution.js';
import { codeOf } from '../errors.js';
import { LineSet } from '../events/line-set.js';
import type { DeliveryReceipt } from '../receipts/delivery-receipts.js';
import { askTemporal } from '../temporal/ask-temporal.js';
import { workflowIdOfDeadLetter } from '../tenants/workflow-ids.js';
import { DEAD_LETTER, type DeadLines } from '../workflows/messages/deliveries.js';

/** A dead letter that holds an event. */
export interface EventDeadLetter extends Pick<DeadLines, 'reason' | 'detail' | 'attempts'> {
  /** By which it is shown, redriven and discarded. */
  readonly id: string;
  /** `dead-letter` while it waits. */
  readonly status: 'dead-letter' | DeadLetterResolution['outcome'];
  /** Who has resolved it, and why. */
  readonly by?: DeadLetterResolution['by'];
}

/** The dead letters of a delivery that hold one of some lines. */
export async function deadLettersOf(
  options: { readonly client: Client },
  tenant: string,
  { deadLetters }: DeliveryReceipt,
  lines: readonly number[],
): Promise<EventDeadLetter[]> {
  const all = await Promise.all(deadLetters.map((each) => deadLetterOf(options, tenant, each, lines)));
  return all.flat();
}

async function deadLetterOf(
  options: { readonly client: Client },
  tenant: string,
  { id, status }: DeliveryReceipt['deadLetters'][number],
  lines: readonly number[],
): Promise<EventDeadLetter[]> {
  try {
    const found = await findOwn(options, tenant, workflowIdOfDeadLetter(tenant, id), DEAD_LETTER);
    const { dead, delivery } = await askTemporal(options.client, () =>
      inputOf(options.client, tenant, found),
    );
    const set = LineSet.decode(dead.lines, delivery.batch.events);
    if (!lines.some((line) => set.has(line))) return [];
    const resolution = status === 'dead-letter' ? undefined : await resolutionOf(options, found);
    const { reason, detail, attempts } = dead;
    const by = resolution?.by;
    return [
      { id, reason, detail, attempts, status: resolution?.outcome ?? 'dead-letter', ...(by && { by }) },
    ];
  } catch (error) {
    // Past Temporal's retention.
    if (codeOf(error) === 'NOT_FOUND') return [];
    throw error;
  }
}
