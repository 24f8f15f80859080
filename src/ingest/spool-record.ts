import { FINGERPRINT_BYTES } from './fingerprint.js';
import type { InputStream } from '../event.js';
import type { RoutedEvents } from '../workflows/delivery-messages.js';
import type { Piece } from './pack.js';

/** What a spool record says about its events. */
export interface RecordHead {
  readonly tenant: string;
  readonly stream: InputStream;
  readonly events: number;
  /** Bytes of the events as NDJSON. */
  readonly bytes: number;
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
  /** Where they go, by lines of the chunk; absent where no route has matched. */
  readonly routed?: readonly RoutedEvents[];
}

/** What a spool record holds besides its head. */
export interface RecordBody {
  /** The events' fingerprints, {@link FINGERPRINT_BYTES} each. */
  readonly prints: Buffer;
  /** One canonical event a line. */
  readonly events: Piece;
  /** One decision a line. */
  readonly decisions: Piece;
}

/** A record, taken apart; the buffers are views of it. */
export interface ChunkRecord extends RecordBody {
  readonly head: RecordHead;
}

/** Length of the head, length of the decisions, and a byte that says which pieces are deflated. */
const HEAD_LENGTH_AT = 0;
const DECISIONS_LENGTH_AT = 4;
const FLAGS_AT = 8;
const HEAD_AT = 9;
const EVENTS_DEFLATED = 1;
const DECISIONS_DEFLATED = 2;

/**
 * One chunk as one value: lengths and flags, the head as JSON, the fingerprints, the decisions, the events. A single
 * record makes an append a single write, and its decisions as durable as its events.
 */
export function encodeRecord(head: RecordHead, { prints, events, decisions }: RecordBody): Buffer {
  const headText = Buffer.from(JSON.stringify(head));
  const prefix = Buffer.allocUnsafe(HEAD_AT);
  prefix.writeUInt32LE(headText.length, HEAD_LENGTH_AT);
  prefix.writeUInt32LE(decisions.content.length, DECISIONS_LENGTH_AT);
  prefix[FLAGS_AT] = (events.deflated ? EVENTS_DEFLATED : 0) | (decisions.deflated ? DECISIONS_DEFLATED : 0);
  const parts = [prefix, headText, prints, decisions.content, events.content];
  // Memory of its own: a small record that is kept must not hold a shared slab.
  const record = Buffer.allocUnsafeSlow(parts.reduce((bytes, part) => bytes + part.length, 0));
  let at = 0;
  for (const part of parts) at += part.copy(record, at);
  return record;
}

/** Takes a record apart. */
export function decodeRecord(record: Buffer): ChunkRecord {
  const printsAt = HEAD_AT + record.readUInt32LE(HEAD_LENGTH_AT);
  const head = JSON.parse(record.toString('utf8', HEAD_AT, printsAt)) as RecordHead;
  const decisionsAt = printsAt + head.events * FINGERPRINT_BYTES;
  const eventsAt = decisionsAt + record.readUInt32LE(DECISIONS_LENGTH_AT);
  const flags = record.readUInt8(FLAGS_AT);
  return {
    head,
    prints: record.subarray(printsAt, decisionsAt),
    decisions: {
      deflated: (flags & DECISIONS_DEFLATED) !== 0,
      content: record.subarray(decisionsAt, eventsAt),
    },
    events: { deflated: (flags & EVENTS_DEFLATED) !== 0, content: record.subarray(eventsAt) },
  };
}
