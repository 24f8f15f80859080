import type { TextLines } from '../../events/ndjson.js';
import { Context } from '@temporalio/activity';
import { deliveredEvent } from '../../events/delivered-event.js';
import type { BatchRef } from '../../events/event.js';
import { LineSet } from '../../events/line-set.js';
import type { DeliveryJournal } from '../../stores/delivery-log/journal.js';
import type { Tally } from './tally.js';

/** What a heartbeat carries: a pass that is made again goes on from there. */
export interface PassProgress {
  /** Lines that the receiver has confirmed, as `LineSet` encodes them. */
  readonly delivered: string;
}

/** Well under the activity's heartbeat timeout of 30 s. */
export const HEARTBEAT_EVERY_MS = 3_000;

/** Tells Temporal that the pass goes on, and what it has delivered. */
export function heartbeatOf(tally: Tally): void {
  Context.current().heartbeat({ delivered: tally.delivered.encode() } satisfies PassProgress);
}

/**
 * Takes over what an attempt of this activity that was lost had confirmed. When that was, and how long it took, went with
 * the process that knew it.
 * @param lines of the batch's file; undefined if it is gone
 * @param now milliseconds since the epoch
 */
export function resumePass(
  batch: BatchRef,
  lines: TextLines | undefined,
  tally: Tally,
  journal: DeliveryJournal,
  now: number,
): void {
  const progress = Context.current().info.heartbeatDetails as PassProgress | undefined;
  if (typeof progress?.delivered !== 'string') return;
  const at = new Date(now).toISOString();
  tally.resume(LineSet.decode(progress.delivered, batch.events), (line, attempts) => {
    const event = lines === undefined ? '' : deliveredEvent(lines.at(line), batch.stream).id;
    journal.add({ line, event, attempt: attempts + 1, outcome: 'delivered', at, resumed: true });
  });
}
