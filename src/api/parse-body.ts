import type { Candidate, RequestHead } from './candidate.js';
import { isUtf8 } from 'node:buffer';
import { HeadgateError, messageOf } from '../errors.js';
import { binaryMode } from './binary-mode.js';
import { parseBounded } from './bounded-json.js';
import { scanJson } from './scan-json.js';
import { isArrayText, splitArray } from './split-json.js';

/** A request's events: of a large body, each is parsed when it is asked for, so that it can be done in several turns. */
export interface Candidates {
  readonly length: number;
  /** To be called once for each. @throws HeadgateError `BODY_MALFORMED`: nothing of the request is to be taken */
  at(index: number): Candidate;
}

/** Most events in one request. */
export const MAX_EVENTS = 2_500;

const NDJSON = new Set(['application/x-ndjson', 'application/ndjson', 'application/jsonl']);
/** By these alone an event is in structured mode, or several are in a batch, whatever `ce-` headers repeat of it. */
const STRUCTURED = new Set(['application/cloudevents+json', 'application/cloudevents-batch+json']);
const LINE_FEED = 0x0a;
const OPENING_BRACE = 0x7b;
/** A body up to this is parsed at once, which costs less than item by item, and a few milliseconds at most. */
const PARSED_AT_ONCE = 128 * 1024;

/**
 * Takes a request's body apart into events, by its content type: one CloudEvent or an array (`application/json`,
 * `application/cloudevents+json`, `application/cloudevents-batch+json`), one per line (`application/x-ndjson`), or
 * CloudEvents binary mode (`ce-*` headers, any other content type, or none). One bad line of NDJSON spoils that line alone.
 * @throws HeadgateError `BODY_MALFORMED`, `BODY_TOO_LARGE` (too many events), `CONTENT_TYPE_UNSUPPORTED`
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
 */
export function parseBody(request: RequestHead, body: Buffer): Candidates {
  const { headers } = request;
  const contentType = mediaType(headers['content-type']);
  if (STRUCTURED.has(contentType)) return parseJson(body);
  if (headers['ce-specversion'] !== undefined) return of([binaryMode(request, contentType, body)]);
  if (NDJSON.has(contentType)) return parseLines(body);
  if (contentType === 'application/json') return parseJson(body);
  throw new HeadgateError(
    'CONTENT_TYPE_UNSUPPORTED',
    `Content-Type "${contentType.slice(0, 100)}" is not known here; use application/json, application/cloudevents+json, application/cloudevents-batch+json, application/x-ndjson, or ce-* headers.`,
  );
}

/** The content type without its parameters. */
function mediaType(contentType = ''): string {
  return contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

function of(candidates: readonly Candidate[]): Candidates {
  return { length: candidates.length, at: (index) => candidates[index]! };
}

function parseJson(body: Buffer): Candidates {
  if (!isUtf8(body)) throw new HeadgateError('BODY_MALFORMED', 'The body is not valid UTF-8.');
  if (body.length > PARSED_AT_ONCE) return parseLarge(body);
  // Windows programs begin files with a byte order mark, which RFC 8259 lets a reader ignore.
  const parsed = parsing(() => JSON.parse(body.toString('utf8').replace(/^\uFEFF/, '')) as unknown);
  if (!Array.isArray(parsed)) return of([{ value: parsed, written: scanJson(body)[0]! }]);
  checkCount(parsed.length);
  const written = scanJson(body, true);
  return of(parsed.map((value: unknown, index) => ({ value, written: written[index]! })));
}

function parseLarge(body: Buffer): Candidates {
  if (!isArrayText(body)) return of([parsing(() => parseBounded(body))]);
  const items = splitArray(body, MAX_EVENTS);
  if (items === undefined) throw notJson('its brackets do not match');
  checkCount(items.length);
  const at = (index: number): Candidate =>
    parsing(() => parseBounded(items[index]!), `event ${index}, counted from 0: `);
  return { length: items.length, at };
}

function parsing<T>(parse: () => T, where = ''): T {
  try {
    return parse();
  } catch (error) {
    throw notJson(`${where}${messageOf(error)}`);
  }
}

function notJson(why: string): HeadgateError {
  return new HeadgateError('BODY_MALFORMED', `The body is not valid JSON: ${why}. Nothing of it was taken.`);
}

function parseLines(body: Buffer): Candidates {
  const lines: Buffer[] = [];
  const whole = isUtf8(body);
  for (let start = 0; start < body.length;) {
    const feed = body.indexOf(LINE_FEED, start);
    const end = feed === -1 ? body.length : feed;
    const line = body.subarray(start, end);
    start = end + 1;
    if (isEmpty(line)) continue;
    lines.push(line);
    checkCount(lines.length);
  }
  const at = (index: number): Candidate => {
    const line = lines[index]!;
    return whole || isUtf8(line) ? parseLine(line) : { unreadable: 'the line is not valid UTF-8' };
  };
  return { length: lines.length, at };
}

/** Most lines are told by their first octet. */
function isEmpty(line: Buffer): boolean {
  const first = line[0];
  return first === undefined || (first !== OPENING_BRACE && line.toString('utf8').trim() === '');
}

function parseLine(line: Buffer): Candidate {
  try {
    return parseBounded(line);
  } catch (error) {
    return { unreadable: `the line is not valid JSON: ${messageOf(error).slice(0, 200)}` };
  }
}

/** @throws HeadgateError `BODY_TOO_LARGE` */
export function checkCount(events: number): void {
  if (events <= MAX_EVENTS) return;
  throw new HeadgateError(
    'BODY_TOO_LARGE',
    `A request may have ${MAX_EVENTS} events; send fewer at a time.`,
    { details: { maxEvents: MAX_EVENTS } },
  );
}
