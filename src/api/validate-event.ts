import type { Rejection } from './rejection.js';
import { Ajv, type ErrorObject } from 'ajv';
import type { EventRow, ExtensionValue, InputStream } from '../events/event.js';
import { canonicalTimeMs } from '../events/canonical-time.js';
import { MAX_SUBJECT, MERGE_SUBJECT } from '../events/subject.js';
import { checkData } from './check-data.js';
import { jsonInBase64 } from './json-in-base64.js';
import type { Written } from './scan-json.js';

/** Hard limit of one event in canonical form. */
export const MAX_EVENT_BYTES = 256 * 1024;
/** Of `data_base64`: JSON in it may take less when it is written anew, though hardly half. Its pattern takes time to check. */
const MAX_BASE64 = 2 * MAX_EVENT_BYTES;
/** RFC 3339 sets no limit to the digits of a second. */
const MAX_TIME = 128;
/** Clocks are wrong by minutes, time zones by hours; more is a mistake. */
const MAX_AHEAD_MS = 24 * 60 * 60 * 1000;

/** CloudEvents strings have no control characters and no lone surrogates. @see CloudEvents 1.0.2, "Type System" */
const TEXT = '^[^\\u0000-\\u001f\\u007f-\\u009f]+$';
/** The pattern says that it is not empty: `minLength` would count its characters once more. */
const text = (maxLength: number): object => ({ type: 'string', maxLength, pattern: TEXT });

/** Integers of attributes have 32 bits. @see CloudEvents 1.0.2, "Type System" */
const INT32 = { minimum: -(2 ** 31), maximum: 2 ** 31 - 1 };

/** What every event is checked against; the OpenAPI document has it. */
export const EVENT_SCHEMA = {
  type: 'object',
  required: ['specversion', 'id', 'source', 'type'],
  properties: {
    specversion: { const: '1.0' },
    id: text(512),
    source: text(512),
    type: text(256),
    subject: text(MAX_SUBJECT),
    time: { type: 'string', maxLength: MAX_TIME },
    datacontenttype: text(256),
    dataschema: text(2048),
    priority: { type: ['string', 'integer'], maxLength: 64, pattern: TEXT, ...INT32 },
    stage: { type: ['string', 'integer'], maxLength: 64, pattern: TEXT, ...INT32 },
    data_base64: {
      type: 'string',
      pattern: '^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$',
    },
    data: {},
  },
  propertyNames: { pattern: '^([a-z0-9]{1,64}|data_base64)$' },
} as const;

/** Verbose: an error has the value that it is about. */
const ajv = new Ajv({ allowUnionTypes: true, validateSchema: false, verbose: true });
const isCloudEvent = ajv.compile<Record<string, unknown> & Pick<EventRow, 'id' | 'source' | 'type'>>(
  EVENT_SCHEMA,
);

const KNOWN = new Set(Object.keys(EVENT_SCHEMA.properties));

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
 * @param written what its JSON was like, where it was JSON
 */
export function validateEvent(
  sent: unknown,
  stream: InputStream,
  received: Received,
  written?: Written,
): EventRow | Rejection {
  const event = withoutUnset(sent);
  const excess = base64Excess(event);
  if (excess !== undefined) return excess;
  if (!isCloudEvent(event)) return { code: 'invalid_attribute', reason: explain(isCloudEvent.errors?.[0]) };
  const decoded = jsonInBase64(event);
  if (decoded !== undefined && 'excess' in decoded) return { code: 'invalid_data', reason: decoded.excess };
  const value = decoded?.event ?? event;
  const time = readTime(value.time as string | undefined, received.ms);
  if (typeof time === 'object') return time;
  const problem =
    checkSubject('subject', value.subject as string | undefined) ??
    checkStream(value, stream) ??
    checkMergeSubject(value[MERGE_SUBJECT], value.subject, stream) ??
    checkData(value, Object.keys(sent as object).length, [written, decoded?.written]);
  if (problem !== undefined) return problem;
  const { id, source, type, subject, datacontenttype, dataschema, priority, stage, data, data_base64 } =
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

/** The JSON format has attributes that are null count as unset. @see CloudEvents JSON format 1.0.2, section 2.2 */
function withoutUnset(event: unknown): unknown {
  if (!isObject(event)) return event;
  for (const name in event as object) {
    if ((event as Record<string, unknown>)[name] !== null || name === 'data') continue;
    const set = Object.entries(event as object).filter(([key, value]) => value !== null || key === 'data');
    return Object.fromEntries(set);
  }
  return event;
}

function base64Excess(event: unknown): Rejection | undefined {
  const base64 = isObject(event) ? (event as Record<string, unknown>).data_base64 : undefined;
  if (typeof base64 !== 'string' || base64.length <= MAX_BASE64) return undefined;
  const reason = `an event may have ${MAX_EVENT_BYTES} bytes, the data_base64 of this one has ${base64.length}`;
  return { code: 'too_large', reason };
}

/** The time in the form that every part of the pipeline reads; undefined where there is none. */
function readTime(written: string | undefined, receivedAt: number): string | undefined | Rejection {
  if (written === undefined) return undefined;
  const asWritten = canonicalTimeMs(written);
  // As most times are, which stay as they are.
  const time = Number.isNaN(asWritten) ? canonicalTime(written) : written;
  if (time === undefined)
    return {
      code: 'invalid_attribute',
      reason: 'time is not an RFC 3339 date-time such as 2026-01-31T12:00:00Z',
    };
  const at = time === written ? asWritten : canonicalTimeMs(time);
  if (Number.isNaN(at)) return { code: 'invalid_attribute', reason: 'time is not a date that exists' };
  if (at < 0) return { code: 'time_out_of_range', reason: 'time is before 1970-01-01' };
  if (at > receivedAt + MAX_AHEAD_MS)
    return { code: 'time_out_of_range', reason: 'time is more than 24 hours in the future' };
  return time;
}

/** The schema counts code points, of which one may be two units. */
function checkSubject(name: string, subject: string | undefined): Rejection | undefined {
  if (subject === undefined || subject.length <= MAX_SUBJECT) return undefined;
  return {
    code: 'invalid_attribute',
    reason: `${name} must NOT have more than ${MAX_SUBJECT} UTF-16 code units`,
  };
}

const IS_TEXT = new RegExp(TEXT);

/** A subject to be merged: a subject like any other, and another than that of the event. */
function checkMergeSubject(merged: unknown, subject: unknown, stream: InputStream): Rejection | undefined {
  if (merged === undefined) return undefined;
  const wrong = (what: string): Rejection => ({
    code: 'invalid_attribute',
    reason: `${MERGE_SUBJECT} ${what}`,
  });
  if (stream !== 'user-properties') return wrong('merges subjects, and belongs to user properties');
  if (typeof merged !== 'string') return wrong('must be a string: the subject to merge into this one');
  if (!IS_TEXT.test(merged)) return wrong(merged === '' ? 'is empty' : 'has control characters');
  if (merged === subject) return wrong('is the subject itself');
  return checkSubject(MERGE_SUBJECT, merged);
}

/** Properties belong to someone, and are named. */
function checkStream(event: Readonly<Record<string, unknown>>, stream: InputStream): Rejection | undefined {
  if (stream !== 'user-properties') return undefined;
  if (event.subject === undefined)
    return { code: 'invalid_attribute', reason: 'subject is missing: user properties belong to a subject' };
  if (isObject(event.data)) return undefined;
  return { code: 'invalid_data', reason: 'data must be an object of properties' };
}

function extensionsOf(
  event: Readonly<Record<string, unknown>>,
): { values: Record<string, ExtensionValue> } | Rejection | undefined {
  let values: Record<string, ExtensionValue> | undefined;
  for (const name in event) {
    if (KNOWN.has(name)) continue;
    const value = event[name];
    if (!isAttributeValue(value))
      return {
        code: 'invalid_attribute',
        reason: `the extension attribute ${name} must be a string, a boolean or a whole number of 32 bits`,
      };
    values ??= {};
    values[name] = value;
  }
  return values === undefined ? undefined : { values };
}

/** CloudEvents has no attributes that are fractions. */
function isAttributeValue(value: unknown): value is ExtensionValue {
  if (typeof value === 'number') return (value | 0) === value;
  return typeof value === 'string' || typeof value === 'boolean';
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
  if (error.keyword === 'pattern' && error.data === '') return `${at} must NOT have fewer than 1 characters`;
  if (error.keyword === 'pattern')
    return at === 'data_base64' ? 'data_base64 is not base64' : `${at} has control characters`;
  return `${at} ${error.message ?? 'is wrong'}`;
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** RFC 3339, section 5.6, with offsets that exist on Earth. */
const DATE_TIME =
  /^(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))[Tt]((?:[01]\d|2[0-3]):[0-5]\d):([0-5]\d|60)(\.\d+)?([Zz]|[+-](?:0\d|1[0-4]):[0-5]\d)$/;
/** A point and nanoseconds. */
const MAX_FRACTION = 10;

/**
 * A time as every part of the pipeline reads it: RFC 3339 with capitals, nanoseconds at most, and without leap seconds, of
 * which one is the second before it. All else is as it was written.
 * @returns undefined where it is no RFC 3339 date-time, or a leap second that never was
 * @see https://www.rfc-editor.org/rfc/rfc3339#section-5.6
 */
function canonicalTime(written: string): string | undefined {
  const [, date, minute, second, fraction = '', zone] = DATE_TIME.exec(written) ?? [];
  if (date === undefined) return undefined;
  const isLeap = second === '60';
  if (isLeap && !endsMonth(`${date}T${minute}:59${zone}`)) return undefined;
  return `${date}T${minute}:${isLeap ? '59' : second}${fraction.slice(0, MAX_FRACTION)}${zone}`.toUpperCase();
}

/** Leap seconds are the last of a month in UTC. @see RFC 3339, section 5.7 */
function endsMonth(time: string): boolean {
  const next = new Date(Date.parse(time) + 1_000);
  return next.getUTCDate() === 1 && next.getUTCHours() === 0 && next.getUTCMinutes() === 0;
}
