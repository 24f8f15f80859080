import { FINGERPRINT_BYTES } from './fingerprint.js';
import type { InputStream } from '../event.js';

/** What a spool record says about its events. */
export interface RecordHead {
  readonly tenant: string;
  readonly stream: InputStream;
  readonly events: number;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  /** Event types among them, sorted, the first few. */
  readonly types: readonly string[];
  readonly firstEvent: string;
  readonly lastEvent: string;
}

const LENGTH_BYTES = 4;

/**
 * One chunk as one value: the length of the head, the head as JSON, the events' fingerprints, the events as NDJSON.
 * A single record makes an append a single write.
 */
export function encodeRecord(head: RecordHead, prints: Buffer, ndjson: string): Buffer {
  const headText = JSON.stringify(head);
  const headBytes = Buffer.byteLength(headText);
  const printsAt = LENGTH_BYTES + headBytes;
  const eventsAt = printsAt + prints.length;
  const record = Buffer.allocUnsafe(eventsAt + Buffer.byteLength(ndjson));
  record.writeUInt32LE(headBytes, 0);
  record.write(headText, LENGTH_BYTES);
  prints.copy(record, printsAt);
  record.write(ndjson, eventsAt);
  return record;
}

/** The head of a record. */
export function headOf(record: Buffer): RecordHead {
  return JSON.parse(record.toString('utf8', LENGTH_BYTES, printsAt(record))) as RecordHead;
}

/** The fingerprints in a record; a view of it. */
export function printsOf(record: Buffer, { events }: RecordHead): Buffer {
  const start = printsAt(record);
  return record.subarray(start, start + events * FINGERPRINT_BYTES);
}

/** The events in a record as NDJSON; a view of it. */
export function eventsOf(record: Buffer, { events }: RecordHead): Buffer {
  return record.subarray(printsAt(record) + events * FINGERPRINT_BYTES);
}

function printsAt(record: Buffer): number {
  return LENGTH_BYTES + record.readUInt32LE(0);
}
