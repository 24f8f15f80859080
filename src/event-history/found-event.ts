import type { EventRow, InputStream } from '../events/event.js';

/** An event that was found, and where. */
export interface FoundEvent {
  readonly stream: InputStream;
  readonly row: EventRow;
  /** Absent while it is in the spool, and in no batch that Temporal has. */
  readonly batchId?: string;
  /** Its line in the batch, counted from 0. */
  readonly line?: number;
}

/** An event as searches show it. */
export interface EventSummary {
  readonly id: string;
  readonly source: string;
  readonly stream: InputStream;
  readonly type: string;
  readonly subject?: string;
  /** RFC 3339, as the producer wrote it. */
  readonly time: string;
  /** RFC 3339, UTC. */
  readonly receivedAt: string;
  /** `accepted` while it is in the spool alone; then `batched`. */
  readonly state: 'accepted' | 'batched';
  readonly batchId?: string;
}

/** Where was looked. */
export interface Searched {
  /** The day of the oldest batches that are kept, `YYYY-MM-DD`; absent where none are. */
  readonly from?: string;
  /** When it was looked, RFC 3339. */
  readonly to: string;
  /** False when there was more than one request may look at; then the next two say what was left out. */
  readonly complete: boolean;
  readonly batchesLeft?: number;
  readonly waitingEventsLeft?: number;
}

/** An event without its data. */
export function summaryOf({ stream, row, batchId }: FoundEvent): EventSummary {
  const { id, source, type, subject, time, received_at: receivedAt } = row;
  return {
    id,
    source,
    stream,
    type,
    ...(subject !== undefined && { subject }),
    time,
    receivedAt,
    state: batchId === undefined ? 'accepted' : 'batched',
    ...(batchId !== undefined && { batchId }),
  };
}

/** What makes an event the same, wherever it is found. */
export function sameEvent({ stream, row }: FoundEvent): string {
  return JSON.stringify([stream, row.source, row.id, row.received_at]);
}
