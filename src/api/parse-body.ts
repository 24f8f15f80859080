import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { HeadgateError, messageOf } from '../errors.js';
import { binaryMode } from './binary-mode.js';
import { scanJson, type Written } from './scan-json.js';

/** One event as it came: parsed but not validated, with what its JSON was like, or the reason why it could not be parsed. */
export type Candidate =
  { readonly value: unknown; readonly written: Written } | { readonly unreadable: string };

/** What of a request says how its body is to be read. */
export type RequestHead = Pick<IncomingMessage, 'headers' | 'rawHeaders'>;

/** Most events in one request. */
export const MAX_EVENTS = 2_500;

const NDJSON = new Set(['application/x-ndjson', 'application/ndjson', 'application/jsonl']);
/** By these alone an event is in structured mode, or several are in a batch, whatever `ce-` headers repeat of it. */
const STRUCTURED = new Set(['application/cloudevents+json', 'application/cloudevents-batch+json']);
const LINE_FEED = 0x0a;

/**
 * Takes a request's body apart into events, by its content type: one CloudEvent or an array (`application/json`,
 * `application/cloudevents+json`, `application/cloudevents-batch+json`), one per line (`application/x-ndjson`), or
 * CloudEvents binary mode (`ce-*` headers, any other content type, or none). One bad line of NDJSON spoils that line alone.
 * @throws HeadgateError `BODY_MALFORMED`, `BODY_TOO_LARGE` (too many events), `CONTENT_TYPE_UNSUPPORTED`
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
 */
export function parseBody(request: RequestHead, body: Buffer): Candidate[] {
  const { headers } = request;
  const contentType = mediaType(headers['content-type']);
  if (STRUCTURED.has(contentType)) return parseJson(body);
  if (headers['ce-specversion'] !== undefined) return [binaryMode(request, contentType, body)];
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

function parseJson(body: Buffer): Candidate[] {
  if (!isUtf8(body)) throw new HeadgateError('BODY_MALFORMED', 'The body is not valid UTF-8.');
  let parsed: unknown;
  try {
    // Windows programs begin files with a byte order mark, which RFC 8259 lets a reader ignore.
    parsed = JSON.parse(body.toString('utf8').replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new HeadgateError(
      'BODY_MALFORMED',
      `The body is not valid JSON: ${messageOf(error)}. Nothing of it was taken.`,
    );
  }
  if (!Array.isArray(parsed)) return [{ value: parsed, written: scanJson(body)[0]! }];
  checkCount(parsed.length);
  const written = scanJson(body, true);
  return parsed.map((value: unknown, index) => ({ value, written: written[index]! }));
}

function parseLines(body: Buffer): Candidate[] {
  const candidates: Candidate[] = [];
  const whole = isUtf8(body);
  for (let start = 0; start < body.length;) {
    const feed = body.indexOf(LINE_FEED, start);
    const end = feed === -1 ? body.length : feed;
    const line = body.subarray(start, end);
    start = end + 1;
    const text = line.toString('utf8').trim();
    if (text === '') continue;
    candidates.push(
      whole || isUtf8(line) ? parseLine(text, line) : { unreadable: 'the line is not valid UTF-8' },
    );
    checkCount(candidates.length);
  }
  return candidates;
}

function parseLine(text: string, line: Buffer): Candidate {
  try {
    return { value: JSON.parse(text) as unknown, written: scanJson(line)[0]! };
  } catch (error) {
    return { unreadable: `the line is not valid JSON: ${messageOf(error).slice(0, 200)}` };
  }
}

function checkCount(events: number): void {
  if (events <= MAX_EVENTS) return;
  throw new HeadgateError(
    'BODY_TOO_LARGE',
    `A request may have ${MAX_EVENTS} events; send fewer at a time.`,
    { details: { maxEvents: MAX_EVENTS } },
  );
}
