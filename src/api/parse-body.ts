import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';
import { HeadgateError, messageOf } from '../errors.js';

/** One event as it came: parsed but not validated, or the reason why it could not be parsed. */
export type Candidate = { readonly value: unknown } | { readonly unreadable: string };

/** Most events in one request. */
export const MAX_EVENTS = 2_500;

const NDJSON = new Set(['application/x-ndjson', 'application/ndjson', 'application/jsonl']);
const JSON_TYPES = new Set([
  'application/json',
  'application/cloudevents+json',
  'application/cloudevents-batch+json',
]);
const LINE_FEED = 0x0a;

/**
 * Takes a request's body apart into events, by its content type: one CloudEvent or an array (`application/json`,
 * `application/cloudevents+json`, `application/cloudevents-batch+json`), one per line (`application/x-ndjson`), or
 * CloudEvents binary mode (`ce-*` headers, any content type). One bad line of NDJSON spoils that line alone.
 * @throws HeadgateError `BODY_MALFORMED`, `BODY_TOO_LARGE` (too many events), `CONTENT_TYPE_UNSUPPORTED`
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
 */
export function parseBody(headers: IncomingHttpHeaders, body: Buffer): Candidate[] {
  const contentType = mediaType(headers);
  if (headers['ce-specversion'] !== undefined) return [binaryMode(headers, contentType, body)];
  if (NDJSON.has(contentType)) return parseLines(body);
  if (JSON_TYPES.has(contentType)) return parseJson(body);
  throw new HeadgateError(
    'CONTENT_TYPE_UNSUPPORTED',
    `Content-Type "${contentType.slice(0, 100)}" is not known here; use application/json, application/cloudevents+json, application/cloudevents-batch+json, application/x-ndjson, or ce-* headers.`,
  );
}

/** The content type without its parameters. */
function mediaType(headers: IncomingHttpHeaders): string {
  return (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
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
  if (!Array.isArray(parsed)) return [{ value: parsed }];
  checkCount(parsed.length);
  return parsed.map((value: unknown) => ({ value }));
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
    candidates.push(whole || isUtf8(line) ? parseLine(text) : { unreadable: 'the line is not valid UTF-8' });
    checkCount(candidates.length);
  }
  return candidates;
}

function parseLine(text: string): Candidate {
  try {
    return { value: JSON.parse(text) as unknown };
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

/** Attributes are headers, percent-encoded; the body is the data alone. */
function binaryMode(headers: IncomingHttpHeaders, contentType: string, body: Buffer): Candidate {
  const event: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith('ce-') || typeof value !== 'string') continue;
    try {
      event[name.slice(3)] = decodeURIComponent(unquoted(value));
    } catch {
      return { unreadable: `the header ${name} is not percent-encoded UTF-8` };
    }
  }
  // With its parameters: without them nobody could tell what the octets of a text mean.
  if (contentType !== '') event.datacontenttype = headers['content-type'];
  if (body.length === 0) return { value: event };
  if (contentType === '' || contentType === 'application/json' || contentType.endsWith('+json')) {
    if (!isUtf8(body)) return { unreadable: 'the data is not valid UTF-8' };
    const data = parseLine(body.toString('utf8'));
    return 'value' in data
      ? { value: { ...event, data: data.value } }
      : { unreadable: data.unreadable.replace('line', 'data') };
  }
  if (contentType.startsWith('text/') && saysUtf8(headers) && isUtf8(body))
    return { value: { ...event, data: body.toString('utf8') } };
  return { value: { ...event, data_base64: body.toString('base64') } };
}

/** CloudEvents of older versions quote header values. @see CloudEvents HTTP binding, section 3.1.3.2 */
function unquoted(value: string): string {
  const quoted = /^"(.*)"$/.exec(value)?.[1];
  return quoted === undefined ? value : quoted.replace(/\\(.)/g, '$1');
}

function saysUtf8(headers: IncomingHttpHeaders): boolean {
  const charset = /;\s*charset="?([^\s";]+)/i.exec(headers['content-type'] ?? '')?.[1] ?? 'utf-8';
  return ['utf-8', 'utf8', 'us-ascii'].includes(charset.toLowerCase());
}
