import { crc32 } from 'node:zlib';
import { HeadgateError } from '../errors.js';
import { FINGERPRINT_BYTES } from './fingerprint.js';
import type { InputStream } from '../events/event.js';
import type { RoutedEvents } from '../workflows/messages/batches.js';
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
  /** `traceparent` of the request's span; absent where it is not traced. */
  readonly trace?: string;
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

/** Length of the head, length of the decisions, a byte of flags, CRC-32 of this and the head, CRC-32 of the rest. */
const HEAD_LENGTH_AT = 0;
const DECISIONS_LENGTH_AT = 4;
const FLAGS_AT = 8;
const HEAD_CRC_AT = 9;
const BODY_CRC_AT = 13;
const HEAD_AT = 17;
/** Where the head is in records of before there were checksums. */
const UNCHECKED_HEAD_AT = 9;
const EVENTS_DEFLATED = 1;
const DECISIONS_DEFLATED = 2;
const CHECKED = 4;

/**
 * One chunk as one value: lengths, flags and checksums, the head as JSON, the fingerprints, the decisions, the events. A
 * single record makes an append a single write, and its decisions as durable as its events. The head has a checksum of
 * its own, since it says whose events are lost when the rest is damaged.
 */
export function encodeRecord(head: RecordHead, { prints, events, decisions }: RecordBody): Buffer {
  const headText = Buffer.from(JSON.stringify(head));
  const prefix = Buffer.allocUnsafe(HEAD_AT);
  prefix.writeUInt32LE(headText.length, HEAD_LENGTH_AT);
  prefix.writeUInt32LE(decisions.content.length, DECISIONS_LENGTH_AT);
  const deflated = (events.deflated ? EVENTS_DEFLATED : 0) | (decisions.deflated ? DECISIONS_DEFLATED : 0);
  prefix[FLAGS_AT] = CHECKED | deflated;
  const parts = [prefix, headText, prints, decisions.content, events.content];
  // Memory of its own: a small record that is kept must not hold a shared slab.
  const record = Buffer.allocUnsafeSlow(parts.reduce((bytes, part) => bytes + part.length, 0));
  let at = 0;
  for (const part of parts) at += part.copy(record, at);
  record.writeUInt32LE(headCrc(record, headText.length), HEAD_CRC_AT);
  record.writeUInt32LE(crc32(record.subarray(HEAD_AT + headText.length)), BODY_CRC_AT);
  return record;
}

/**
 * What a record says about its events.
 * @throws HeadgateError `BATCH_CORRUPT`: it cannot be told whose events these were
 */
export function decodeHead(record: Buffer): RecordHead {
  return headOf(record).head;
}

/**
 * Takes a record apart.
 * @throws HeadgateError `BATCH_CORRUPT`: it is not what was written
 */
export function decodeRecord(record: Buffer): ChunkRecord {
  const { head, end: printsAt, checked } = headOf(record);
  if (checked && crc32(record.subarray(printsAt)) !== record.readUInt32LE(BODY_CRC_AT))
    throw damaged('Events in the spool are not what was written.');
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

/** Undefined for what the disk has damaged. */
export function unlessDamaged<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (isDamaged(error)) return undefined;
    throw error;
  }
}

/** True for what is thrown for a chunk that is not what was written. */
export function isDamaged(error: unknown): error is HeadgateError {
  return error instanceof HeadgateError && error.code === 'BATCH_CORRUPT';
}

function headOf(record: Buffer): { head: RecordHead; end: number; checked: boolean } {
  if (record.length < UNCHECKED_HEAD_AT) throw damaged(HEAD_DAMAGED);
  const checked = (record.readUInt8(FLAGS_AT) & CHECKED) !== 0;
  const at = checked ? HEAD_AT : UNCHECKED_HEAD_AT;
  const length = record.readUInt32LE(HEAD_LENGTH_AT);
  const end = at + length;
  if (end > record.length || (checked && headCrc(record, length) !== record.readUInt32LE(HEAD_CRC_AT)))
    throw damaged(HEAD_DAMAGED);
  try {
    return { head: JSON.parse(record.toString('utf8', at, end)) as RecordHead, end, checked };
  } catch (error) {
    throw damaged(HEAD_DAMAGED, error);
  }
}

const HEAD_DAMAGED = 'What the spool says about some events is not what was written.';

/** Of the lengths, the flags and the head. */
function headCrc(record: Buffer, headLength: number): number {
  const lengths = crc32(record.subarray(0, HEAD_CRC_AT));
  return crc32(record.subarray(HEAD_AT, HEAD_AT + headLength), lengths);
}

function damaged(message: string, cause?: unknown): HeadgateError {
  return new HeadgateError('BATCH_CORRUPT', message, { cause });
}
