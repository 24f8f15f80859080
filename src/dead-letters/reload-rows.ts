import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { BatchRef } from '../events/event.js';
import { LineSet } from '../events/line-set.js';
import { joinLines, TextLines } from '../events/ndjson.js';
import { isUnreadable, type BatchStore } from '../stores/batch-store/batch-store.js';
import { COPY_MARK, dayOfBatch } from '../tenants/ids.js';
import type { DeliverResult, DeadLetterEventsInput } from '../workflows/messages/deliveries.js';
import { deadRows } from './dead-letter-rows.js';

/** What {@link createReloadRows} needs. */
export interface ReloadRowsOptions {
  readonly batchStore: Pick<BatchStore, 'read' | 'write'>;
  /** Announces batches to the load window that is open. */
  readonly announce: (batches: readonly BatchRef[]) => Promise<unknown>;
  readonly deadLetterEvents: (input: DeadLetterEventsInput) => Promise<string>;
  /** When a dead letter of a batch is given up, milliseconds since the epoch. */
  readonly expiresAtOf: (batch: BatchRef) => number;
}

/** Input of the activity that loads rows of a batch again. */
interface ReloadRowsInput {
  readonly batch: BatchRef;
  /** The lines, as `LineSet` encodes them; absent when they are all of the batch. */
  readonly lines?: string;
  /** Names the redrive. */
  readonly cause: string;
}

/** Hands rows of a batch to a load window again; those that cannot be loaded again become a dead letter again. */
export type ReloadRows = (input: ReloadRowsInput) => Promise<DeliverResult>;

/**
 * Builds the activity that redrives unloadable rows. The warehouse holds their batch already, without them, so they become a
 * batch of their own, whose id follows from the batch, the lines and the redrive: a second attempt comes to the same. Rows
 * whose file is gone or damaged are dead-lettered again, and say so.
 */
export function createReloadRows(options: ReloadRowsOptions): ReloadRows {
  const { batchStore, announce } = options;
  return async ({ batch, lines, cause }) => {
    let kept: TextLines;
    try {
      kept = new TextLines(await batchStore.read(batch));
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      return deadLetteredAgain(options, { batch, lines, cause }, error.message);
    }
    const again = [...LineSet.decode(lines, batch.events)].map((line) => kept.octetsAt(line));
    const { tenant, stream } = batch;
    const name = { tenant, stream, batchId: copyIdOf(batch, lines, cause) };
    const copy = await batchStore.write(name, gzipSync(joinLines(again)), again.length);
    await announce([copy]);
    return { delivered: again.length, deadLettered: 0, passes: 1, deadLetters: [] };
  };
}

async function deadLetteredAgain(
  { deadLetterEvents, expiresAtOf }: ReloadRowsOptions,
  { batch, lines, cause }: ReloadRowsInput,
  detail: string,
): Promise<DeliverResult> {
  const { count } = LineSet.decode(lines, batch.events);
  const dead = { reason: 'batch-unreadable' as const, detail, attempts: 1, lines, count };
  const again = await deadLetterEvents(deadRows({ batch, expiresAt: expiresAtOf(batch), cause }, dead));
  return { delivered: 0, deadLettered: count, passes: 1, deadLetters: [again] };
}

/** The day stays the batch's own: retention deletes both together. */
function copyIdOf({ batchId, sha256 }: BatchRef, lines: string | undefined, cause: string): string {
  const hash = createHash('sha256')
    .update([batchId, sha256, lines ?? '', cause].join('\n'))
    .digest('hex');
  const day = dayOfBatch(batchId).replaceAll('-', '');
  return `${day}-${hash.slice(0, 8)}-${COPY_MARK}${hash.slice(8, 16)}`;
}
