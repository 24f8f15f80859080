import { createHash, randomUUID } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import {
  toCloudEvents,
  type Mapped,
  type Surroundings,
  type Unmapped,
} from '../../analytics/cloud-events.js';
import type { AnalyticsCall } from '../../analytics/calls.js';
import { HeadgateError, messageOf } from '../../errors.js';
import { parseBounded } from '../bounded-json.js';
import { checkCount, MAX_EVENTS } from '../parse-body.js';
import { isArrayText, membersOf, splitArray } from '../split-json.js';

/** What of an event's JSON has to be known beside what it became. */
export interface Item {
  readonly mapped: Mapped | Unmapped;
  /** The first number that a 64-bit float does not give back, as it is written. */
  readonly lossyNumber?: string;
}

/** Bytes of what a batch says of all its events, which comes into each of them. */
const MAX_SHARED = 16 * 1024;

/** The events of a request, each parsed and mapped when it is asked for. */
export interface Items {
  readonly length: number;
  /** What each event gets of the batch, in bytes. */
  readonly sharedBytes: number;
  /** To be called once for each. @throws HeadgateError `BODY_MALFORMED`: nothing of the request is to be taken */
  at(index: number): Item;
  /** An event as it was sent but for a write key, or its beginning. */
  text(index: number, bytes: number): string;
}

const OF_BATCH: ReadonlySet<string> = new Set(['batch', 'context', 'integrations', 'sentAt']);
/** Of a made id: 128 bits. */
const ID_DIGITS = 32;

/**
 * Takes a body of these protocols apart, whatever its content type: a batch, or one event.
 * @param call of the path of one event; undefined for a batch, which may be one event all the same
 * @throws HeadgateError `BODY_MALFORMED`, `BODY_TOO_LARGE`
 */
export function itemsOf(body: Buffer, call: AnalyticsCall | undefined, source: string): Items {
  if (!isUtf8(body)) throw malformed('it is not UTF-8');
  const members = membersOf(body, OF_BATCH);
  if (members === undefined) throw malformed('it is not a JSON object');
  const batch = members.get('batch');
  const isBatch = call === undefined && batch !== undefined;
  const octets = isBatch ? eventsIn(batch) : [body];
  const shared = isBatch ? sharedBytes(members) : 0;
  const around = isBatch ? aroundOf(members) : {};
  return {
    length: octets.length,
    sharedBytes: shared,
    at: (index) => itemOf(octets[index]!, index, { ...around, call, source }),
    text: (index, bytes) => withoutKey(octets[index]!.toString('utf8', 0, bytes).trim()),
  };
}

function eventsIn(batch: Buffer): Buffer[] {
  if (!isArrayText(batch)) throw malformed('batch is not an array');
  const events = splitArray(batch, MAX_EVENTS);
  if (events === undefined) throw malformed('its brackets do not match');
  checkCount(events.length);
  return events;
}

function sharedBytes(members: ReadonlyMap<string, Buffer>): number {
  const bytes = (members.get('context')?.length ?? 0) + (members.get('integrations')?.length ?? 0);
  if (bytes <= MAX_SHARED) return bytes;
  const message = `The context and integrations of a batch may have ${MAX_SHARED} bytes: each event gets them.`;
  throw new HeadgateError('BODY_TOO_LARGE', message, { details: { maxBytes: MAX_SHARED } });
}

/** A batch has its key beside the events, a single event within. */
function withoutKey(text: string): string {
  return text.replaceAll(/("writeKey"\s*:\s*)"[^"]*"?/g, '$1"…"');
}

type Around = Pick<Surroundings, 'context' | 'integrations' | 'sentAt'>;

function aroundOf(members: ReadonlyMap<string, Buffer>): Around {
  const valueOf = (name: string): unknown => {
    const octets = members.get(name);
    if (octets === undefined) return undefined;
    const parsed = parsing(octets, name);
    if ('excess' in parsed) throw malformed(`${name}: ${parsed.excess}`);
    return parsed.value;
  };
  return {
    context: valueOf('context'),
    integrations: valueOf('integrations'),
    sentAt: valueOf('sentAt'),
  };
}

function itemOf(octets: Buffer, index: number, around: Omit<Surroundings, 'makeId'>): Item {
  const parsed = parsing(octets, `event ${index}, counted from 0`);
  if ('excess' in parsed) return { mapped: { unusable: parsed.excess } };
  const makeId = (timed: boolean): string => (timed ? contentId(octets, around.call) : randomUUID());
  const mapped = toCloudEvents(parsed.value, { ...around, makeId });
  return { mapped, lossyNumber: parsed.written.lossyNumber };
}

/**
 * The id of an event that has none, but says when it was: the same when it is sent again. Of those that do not say it, two
 * that look alike may well be two.
 */
function contentId(octets: Buffer, call = ''): string {
  return createHash('sha256').update(`${call}\n`).update(octets).digest('hex').slice(0, ID_DIGITS);
}

function parsing(octets: Buffer, where: string): ReturnType<typeof parseBounded> {
  try {
    return parseBounded(octets);
  } catch (error) {
    throw malformed(`${where}: ${messageOf(error)}`);
  }
}

function malformed(why: string): HeadgateError {
  return new HeadgateError('BODY_MALFORMED', `The body is not valid: ${why}. Nothing of it was taken.`);
}
