import { Ajv, type ErrorObject } from 'ajv';
import type { EventRow, ExtensionValue, InputStream } from '../event.js';

/** Why an event was not taken. */
export type RejectionCode =
  | 'unreadable'
  | 'invalid_attribute'
  | 'invalid_data'
  | 'too_large'
  | 'time_out_of_range'
  | 'schema_violation'
  | 'profile_full';

/** An event that was not taken, and why, for its sender. */
export interface Rejection {
  readonly code: RejectionCode;
  readonly reason: string;
  /** With `schema_violation`: JSON pointer into the event's data. */
  readonly pointer?: string;
}

/** Hard limit of one event in canonical form. */
export const MAX_EVENT_BYTES = 256 * 1024;
/** In UTF-16 code units, three bytes at most each: state stores have the subject in their keys, which are limited in bytes. */
const MAX_SUBJECT = 512;
const MAX_DEPTH = 64;
const MAX_KEYS = 10_000;
/** Clocks are wrong by minutes, time zones by hours; more is a mistake. */
const MAX_AHEAD_MS = 24 * 60 * 60 * 1000;

/** CloudEvents strings have no control characters and no lone surrogates. @see CloudEvents 1.0.2, "Type System" */
const TEXT = '^[^\\u0000-\\u001f\\u007f-\\u009f]+$';
/** RFC 3339 as every part of the pipeline reads it: upper-case T and Z, nanoseconds at most, offsets that exist on Earth. */
const DATE_TIME =
  '^\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])T([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,9})?(Z|[+-](0\\d|1[0-4]):[0-5]\\d)$';
const text = (maxLength: number): object => ({ type: 'string', minLength: 1, maxLength, pattern: TEXT });

const SCHEMA = {
  type: 'object',
  required: ['specversion', 'id', 'source', 'type'],
  properties: {
    specversion: { const: '1.0' },
    id: text(512),
    source: text(512),
    type: text(256),
    subject: text(MAX_SUBJECT),
    time: { type: 'string', pattern: DATE_TIME },
    datacontenttype: text(256),
    dataschema: text(2048),
    priority: { type: ['string', 'integer'], maxLength: 64, pattern: TEXT },
    stage: { type: ['string', 'integer'], maxLength: 64, pattern: TEXT },
    data_base64: {
      type: 'string',
      pattern: '^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$',
    },
    data: true,
  },
  propertyNames: { pattern: '^([a-z0-9]{1,64}|data_base64)$' },
} as const;

const ajv = new Ajv({ allErrors: false, allowUnionTypes: true });
const isCloudEvent = ajv.compile<Record<string, unknown> & Pick<EventRow, 'id' | 'source' | 'type'>>(SCHEMA);

const KNOWN = new Set(Object.keys(SCHEMA.properties));

/** When a request was received, in two forms: it is written into each of its events. */
export interface Received {
  /** Milliseconds since the epoch. */
  readonly ms: number;
  /** RFC 3339, UTC. */
  readonly iso: string;
}

/**
 * Checks one event and puts it into canonical form.
 * @param received also the event's time if it has none
 */
export function validateEvent(value: unknown, stream: InputStream, received: Received): EventRow | Rejection {
  if (!isCloudEvent(value)) return { code: 'invalid_attribute', reason: explain(isCloudEvent.errors?.[0]) };
  const problem =
    checkTime(value.time as string | undefined, received.ms) ??
    checkSubject(value.subject as string | undefined) ??
    checkStream(value, stream) ??
    checkData(value);
  if (problem !== undefined) return problem;
  const { id, source, type, subject, datacontenttype, dataschema, priority, stage, data, data_base64, time } =
    value as Record<string, unknown>;
  const extensions = extensionsOf(value);
  if (extensions !== undefined && 'code' in extensions) return extensions as unknown as Rejection;
  const row = {
    specversion: '1.0',
    id,
    source,
    type,
    time: time ?? received.iso,
    subject,
    datacontenttype,
    dataschema,
    priority: priority === undefined ? undefined : String(priority),
    stage: stage === undefined ? undefined : String(stage),
    extensions: extensions?.values,
    data,
    data_base64,
    received_at: received.iso,
  } as EventRow;
  return row;
}

/** True for what {@link validateEvent} refused. */
export function isRejection(result: EventRow | Rejection): result is Rejection {
  return 'reason' in result;
}

function checkTime(time: string | undefined, receivedAt: number): Rejection | undefined {
  if (time === undefined) return undefined;
  const at = Date.parse(time);
  if (Number.isNaN(at) || !isInMonth(time))
    return { code: 'invalid_attribute', reason: 'time is not a date that exists' };
  if (at < 0) return { code: 'time_out_of_range', reason: 'time is before 1970-01-01' };
  if (at > receivedAt + MAX_AHEAD_MS)
    return { code: 'time_out_of_range', reason: 'time is more than 24 hours in the future' };
  return undefined;
}

/** `Date.parse` takes the 30th of February for the 2nd of March. */
function isInMonth(time: string): boolean {
  const day = Number(time.slice(8, 10));
  if (day <= 28) return true;
  return day <= new Date(Date.UTC(Number(time.slice(0, 4)), Number(time.slice(5, 7)), 0)).getUTCDate();
}

/** The schema counts code points, of which one may be two units. */
function checkSubject(subject: string | undefined): Rejection | undefined {
  if (subject === undefined || subject.length <= MAX_SUBJECT) return undefined;
  return {
    code: 'invalid_attribute',
    reason: `subject must NOT have more than ${MAX_SUBJECT} UTF-16 code units`,
  };
}

/** Properties belong to someone, and are named. */
function checkStream(event: Readonly<Record<string, unknown>>, stream: InputStream): Rejection | undefined {
  if (stream !== 'user-properties') return undefined;
  if (event.subject === undefined)
    return { code: 'invalid_attribute', reason: 'subject is missing: user properties belong to a subject' };
  if (isObject(event.data)) return undefined;
  return { code: 'invalid_data', reason: 'data must be an object of properties' };
}

function checkData(event: Readonly<Record<string, unknown>>): Rejection | undefined {
  if (event.data !== undefined && event.data_base64 !== undefined) {
    return { code: 'invalid_data', reason: 'an event has data or data_base64, not both' };
  }
  const reason = walkAttributes(event) ?? walk(event.data, 0, { keys: 0 });
  return reason === undefined ? undefined : { code: 'invalid_data', reason };
}

function walkAttributes(event: Readonly<Record<string, unknown>>): string | undefined {
  const seen = { keys: 0 };
  for (const name in event) {
    if (name === 'data') continue;
    if (++seen.keys > MAX_KEYS) return `it has more than ${MAX_KEYS} keys and items`;
    const reason = walk(event[name], 1, seen);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** What JSON allows but no consumer after us survives unharmed: it is refused here rather than changed in silence. */
function walk(value: unknown, depth: number, seen: { keys: number }): string | undefined {
  if (typeof value === 'string')
    return value.isWellFormed() ? undefined : 'a text holds half of a surrogate pair, which is not Unicode';
  if (typeof value === 'number') return walkNumber(value);
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth >= MAX_DEPTH) return `it is nested more than ${MAX_DEPTH} levels deep`;
  for (const key in value) {
    if (++seen.keys > MAX_KEYS) return `it has more than ${MAX_KEYS} keys and items`;
    if (!key.isWellFormed()) return 'a key holds half of a surrogate pair, which is not Unicode';
    const reason = walk((value as Record<string, unknown>)[key], depth + 1, seen);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** @see RFC 8259 section 6, on interoperable numbers */
function walkNumber(value: number): string | undefined {
  if (!Number.isFinite(value)) return 'a number is too large for a 64-bit float';
  if (Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < 1e21) {
    return 'a whole number beyond 2^53 would lose digits; send it as a string';
  }
  return undefined;
}

function extensionsOf(
  event: Readonly<Record<string, unknown>>,
): { values: Record<string, ExtensionValue> } | Rejection | undefined {
  let values: Record<string, ExtensionValue> | undefined;
  for (const name in event) {
    if (KNOWN.has(name)) continue;
    const value = event[name];
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
      return {
        code: 'invalid_attribute',
        reason: `the extension attribute ${name} must be a string, number or boolean`,
      };
    }
    values ??= {};
    values[name] = value;
  }
  return values === undefined ? undefined : { values };
}

function explain(error: ErrorObject | undefined): string {
  if (error === undefined) return 'it is not a CloudEvent';
  const at = error.instancePath.slice(1);
  const params = error.params as Record<string, unknown>;
  if (error.keyword === 'required') return `${String(params.missingProperty)} is missing`;
  if (error.keyword === 'type' && at === '') return 'an event must be a JSON object';
  if (error.keyword === 'const') return 'specversion must be "1.0"';
  if (error.propertyName !== undefined)
    return `the attribute name ${JSON.stringify(error.propertyName.slice(0, 64))} must be lower-case letters and digits`;
  if (at === 'time') return 'time is not an RFC 3339 date-time such as 2026-01-31T12:00:00Z';
  if (error.keyword === 'pattern')
    return at === 'data_base64' ? 'data_base64 is not base64' : `${at} has control characters`;
  return `${at} ${error.message ?? 'is wrong'}`;
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
