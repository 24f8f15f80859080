import type { EventRow } from '../events/event.js';
import { FINGERPRINT_BYTES } from './fingerprint.js';

/** A valid event, with its canonical JSON: it is written out once. */
export interface TakenEvent {
  readonly row: EventRow;
  readonly json: string;
}

/** Events that are written together, and their fingerprints. */
export interface Piece {
  readonly rows: readonly EventRow[];
  /** Their canonical JSON, a line each. */
  readonly ndjson: string;
  readonly prints: Buffer;
}

/**
 * The most a piece holds: to deflate half a megabyte takes 7 ms of a turn at worst, and no look at the clock comes between.
 * The events are counted so that what is listed again, where a turn ends early, stays small.
 */
const MAX_PIECE = { events: 500, chars: 512 * 1024 };

/** A request's new events, of which one turn after the other writes a piece. */
export class Fresh {
  private from = 0;
  private listed: EventRow[] = [];

  constructor(
    private readonly events: readonly TakenEvent[],
    private readonly prints: Buffer,
    /** `traceparent` of the request's span, where it has one. */
    readonly trace?: string,
  ) {}

  /** All have been taken. */
  get isEmpty(): boolean {
    return this.from >= this.events.length;
  }

  /** The events that may be the next piece: at least one, unless all have been taken. */
  next(): EventRow[] {
    const rows: EventRow[] = [];
    let chars = 0;
    for (let at = this.from; at < this.events.length && rows.length < MAX_PIECE.events; at++) {
      const { row, json } = this.events[at]!;
      chars += json.length;
      if (rows.length > 0 && chars > MAX_PIECE.chars) break;
      rows.push(row);
    }
    this.listed = rows;
    return rows;
  }

  /** Takes the first `count` of what was {@link Fresh.next}. */
  take(count: number): Piece {
    const { from, listed } = this;
    this.from += count;
    const rows = count === listed.length ? listed : listed.slice(0, count);
    let ndjson = '';
    for (let at = from; at < this.from; at++) ndjson += `${this.events[at]!.json}\n`;
    const prints = this.prints.subarray(from * FINGERPRINT_BYTES, this.from * FINGERPRINT_BYTES);
    return { rows, ndjson, prints };
  }
}
