import type { EventRow } from '../event.js';
import { FINGERPRINT_BYTES } from './fingerprint.js';

/** A valid event, with its canonical JSON: it is written out once. */
export interface TakenEvent {
  readonly row: EventRow;
  readonly json: string;
}

/** New events, and their fingerprints. */
export interface Fresh {
  readonly events: readonly TakenEvent[];
  readonly prints: Buffer;
}

/** Their rows, in order. */
export function rowsOf({ events }: Fresh): EventRow[] {
  return events.map(({ row }) => row);
}

/** The first `count` events, and the others if there are any. */
export function splitAt(fresh: Fresh, count: number): { chunk: Fresh; rest?: Fresh } {
  const { events, prints } = fresh;
  if (count === events.length) return { chunk: fresh };
  const bytes = count * FINGERPRINT_BYTES;
  return {
    chunk: { events: events.slice(0, count), prints: prints.subarray(0, bytes) },
    rest: { events: events.slice(count), prints: prints.subarray(bytes) },
  };
}
