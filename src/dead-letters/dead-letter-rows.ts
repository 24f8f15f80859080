import type { BatchRef } from '../events/event.js';
import { LineSet } from '../events/line-set.js';
import type { BadRow } from '../stores/warehouse/warehouse.js';
import { WAREHOUSE } from '../tenants/subscription.js';
import { subscriptionQueue, tenantQueue } from '../tenants/queues.js';
import type { DeadLetterEventsInput } from '../workflows/messages/deliveries.js';
import type { BatchContents } from '../workflows/messages/batches.js';

/** Rows named with what is wrong with them in a dead letter's detail; the events themselves are in their batch's file. */
const ROWS_NAMED = 5;

/**
 * The dead letter of rows that a tenant's warehouse could not load: one like any other, of the subscription by which events
 * come into it. It follows from the batch, so that an attempt that finds the same rows dead-letters nothing new.
 * @param expiresAt when it is given up, milliseconds since the epoch
 */
export function unloadableRows(
  batch: BatchRef,
  rows: readonly BadRow[],
  expiresAt: number,
): DeadLetterEventsInput {
  const dead: DeadLetterEventsInput['dead'] = {
    reason: 'row-unloadable',
    detail: detailOf(rows),
    attempts: 1,
    count: rows.length,
    lines: LineSet.of(rows.map(({ line }) => line)).encode(),
  };
  return { ...deadRows({ batch, expiresAt }, dead), contents: contentsOf(rows) };
}

/**
 * The dead letter of a batch whose file a load could not read: a redrive loads it once the file is there again, as from a
 * backup.
 * @param expiresAt when it is given up, milliseconds since the epoch
 */
export function unreadableBatch(batch: BatchRef, detail: string, expiresAt: number): DeadLetterEventsInput {
  return deadRows(
    { batch, expiresAt },
    { reason: 'batch-unreadable', detail, attempts: 1, count: batch.events },
  );
}

/** A dead letter of the warehouse. */
export function deadRows(
  { batch, expiresAt, cause }: Pick<DeadLetterEventsInput['delivery'], 'batch' | 'expiresAt' | 'cause'>,
  dead: DeadLetterEventsInput['dead'],
): DeadLetterEventsInput {
  const { tenant } = batch;
  return {
    delivery: {
      tenant,
      subscription: WAREHOUSE,
      kind: 'warehouse',
      batch,
      priority: 'normal',
      cause,
      expiresAt,
      queue: subscriptionQueue(tenant, WAREHOUSE),
      activityQueue: tenantQueue(tenant),
    },
    dead,
    passes: 0,
  };
}

function detailOf(rows: readonly BadRow[]): string {
  const named = rows.slice(0, ROWS_NAMED).map(({ line, reason }) => `line ${line}: ${reason}`);
  const more = rows.length - named.length;
  return [...named, ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}

/** As far as the rows can be read at all. */
function contentsOf(rows: readonly BadRow[]): BatchContents {
  const events = rows.map(({ text }) => readable(text));
  const types = events.flatMap(({ type }) => (typeof type === 'string' ? [type] : []));
  const idOf = (event: { readonly id?: unknown } | undefined): string =>
    typeof event?.id === 'string' ? event.id : '';
  return { types: [...new Set(types)].sort(), firstEvent: idOf(events[0]), lastEvent: idOf(events.at(-1)) };
}

function readable(text: string): { readonly id?: unknown; readonly type?: unknown } {
  try {
    return (JSON.parse(text) as object | null) ?? {};
  } catch {
    return {};
  }
}
