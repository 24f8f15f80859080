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
  /** Rule evaluations made on them. */
  readonly evaluated: number;
  /** Evaluations that came out eligible, by rule. */
  readonly eligible: Readonly<Record<string, number>>;
}

/** What a spool record holds besides its head. */
export interface RecordBody {
  /** The events' fingerprints, {@link FINGERPRINT_BYTES} each. */
  readonly prints: Buffer;
  /** One canonical event a line. */
  readonly events: string;
  /** One decision a line. */
  readonly decisions: string;
}

const LENGTH_BYTES = 4;
const LENGTHS_BYTES = 2 * LENGTH_BYTES;

/**
 * One chunk as one value: the lengths of head and decisions, the head as JSON, the fingerprints, the decisions, the
 * events. A single record makes an append a single write, and its decisions as durable as its events.
 */
export function encodeRecord(head: RecordHead, { prints, events, decisions }: RecordBody): Buffer {
  const headText = JSON.stringify(head);
  const headBytes = Buffer.byteLength(headText);
  const decisionsBytes = Buffer.byteLength(decisions);
  const printsAt = LENGTHS_BYTES + headBytes;
  const decisionsAt = printsAt + prints.length;
  const eventsAt = decisionsAt + decisionsBytes;
  const record = Buffer.allocUnsafeSlow(eventsAt + Buffer.byteLength(events));
  record.writeUInt32LE(headBytes, 0);
  record.writeUInt32LE(decisionsBytes, LENGTH_BYTES);
  record.write(headText, LENGTHS_BYTES);
  prints.copy(record, printsAt);
  record.write(decisions, decisionsAt);
  record.write(events, eventsAt);
  return record;
}

/** A record, read: its head, and views of the rest. */
export interface ChunkRecord {
  readonly head: RecordHead;
  readonly prints: Buffer;
  readonly decisions: Buffer;
  readonly events: Buffer;
}

/** Takes a record apart. */
export function decodeRecord(record: Buffer): ChunkRecord {
  const printsAt = LENGTHS_BYTES + record.readUInt32LE(0);
  const head = JSON.parse(record.toString('utf8', LENGTHS_BYTES, printsAt)) as RecordHead;
  const decisionsAt = printsAt + head.events * FINGERPRINT_BYTES;
  const eventsAt = decisionsAt + record.readUInt32LE(LENGTH_BYTES);
  return {
    head,
    prints: record.subarray(printsAt, decisionsAt),
    decisions: record.subarray(decisionsAt, eventsAt),
    events: record.subarray(eventsAt),
  };
}
