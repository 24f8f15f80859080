import { isUtf8 } from 'node:buffer';
import { messageOf } from '../errors.js';
import type { Candidate, RequestHead } from './candidate.js';
import { parseBounded } from './bounded-json.js';

const PREFIX = 'ce-';
/** What `java.net` and others put on a body whose type nobody has said. */
const FORM = 'application/x-www-form-urlencoded';
/** The body has these, or the content type. */
const NO_ATTRIBUTES = new Set(['data', 'data_base64']);

/** What the body gives the event. */
type Payload = { readonly data?: unknown; readonly data_base64?: string; readonly members: number } & Pick<
  Extract<Candidate, { written: object }>['written'],
  'lossyNumber'
>;

/** Why there is no payload. */
type NoPayload = Exclude<Candidate, { written: object }>;

/**
 * One event in CloudEvents binary mode: attributes are headers, the body is the data alone. Taken as the CloudEvents SDKs
 * send it: header values percent-encoded, in raw UTF-8 or in Latin-1; JSON without a content type or under that of a form;
 * texts bare under `application/json`.
 * @param contentType without its parameters
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md#31-binary-content-mode
 */
export function binaryMode(request: RequestHead, contentType: string, body: Buffer): Candidate {
  const head = attributesOf(request);
  if ('unreadable' in head) return head;
  const payload = body.length === 0 ? { members: 0 } : payloadOf(request, contentType, body);
  if (!('members' in payload)) return payload;
  const { members, lossyNumber, ...data } = payload;
  const { attributes } = head;
  // With its parameters: without them nobody could tell what the octets of a text mean.
  if (contentType !== '' && !(contentType === FORM && 'data' in data))
    attributes.datacontenttype = request.headers['content-type'];
  const value = { ...attributes, ...data };
  return { value, written: { members: members + Object.keys(value).length, lossyNumber } };
}

function attributesOf({
  headers,
  rawHeaders,
}: RequestHead): { readonly attributes: Record<string, unknown> } | { readonly unreadable: string } {
  // Without a prototype, which a name could stand for.
  const attributes = Object.create(null) as Record<string, unknown>;
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith(PREFIX) || typeof value !== 'string') continue;
    const attribute = name.slice(PREFIX.length);
    if (NO_ATTRIBUTES.has(attribute))
      return { unreadable: `the header ${name} is no attribute: data is the body` };
    const text = textOf(value);
    if (text === undefined) return { unreadable: `the header ${name} is not percent-encoded UTF-8` };
    attributes[attribute] = text;
  }
  const twice = repeated(rawHeaders, Object.keys(attributes).length);
  return twice === undefined ? { attributes } : { unreadable: `the header ${twice} is there twice` };
}

/** Node joins the values of a header that comes twice. */
function repeated(rawHeaders: readonly string[], attributes: number): string | undefined {
  const names = rawHeaders.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase());
  const ours = names.filter((name) => name.startsWith(PREFIX));
  return ours.length === attributes ? undefined : ours.find((name, at) => ours.indexOf(name) !== at);
}

/**
 * The text of a header's value: percent-decoded as the binding says, from the octets as UTF-8 where they are that and as
 * Latin-1 where not. A percent sign that encodes nothing stands for itself, as Go and Rust send it.
 * @returns undefined where what is encoded is not UTF-8
 */
function textOf(value: string): string | undefined {
  const octets = Buffer.from(value, 'latin1');
  const text = unquoted(isUtf8(octets) ? octets.toString('utf8') : value);
  try {
    return text.replace(/(?:%[0-9A-Fa-f]{2})+/g, decodeURIComponent);
  } catch {
    return undefined;
  }
}

/** CloudEvents of older versions quote header values. @see CloudEvents HTTP binding, section 3.1.3.2 */
function unquoted(value: string): string {
  const quoted = /^"(.*)"$/.exec(value)?.[1];
  return quoted === undefined ? value : quoted.replace(/\\(.)/g, '$1');
}

function payloadOf({ headers }: RequestHead, contentType: string, body: Buffer): Payload | NoPayload {
  const octets = (): Payload => ({ data_base64: body.toString('base64'), members: 0 });
  const isJson = contentType === 'application/json' || contentType.endsWith('+json');
  if (isJson || contentType === '' || contentType === FORM) {
    if (!isUtf8(body)) return isJson ? { unreadable: 'the data is not valid UTF-8' } : octets();
    try {
      const parsed = parseBounded(body);
      if ('excess' in parsed) return parsed;
      const { members, lossyNumber } = parsed.written;
      return { data: parsed.value, members, lossyNumber };
    } catch (error) {
      // A form is one where it does not parse. What is called JSON and begins like it is a damaged document; what nobody
      // has called so is a text.
      if (contentType === FORM) return octets();
      const text = body.toString('utf8').replace(/^\uFEFF/, '');
      if (isJson && /^\s*[[{"]/.test(text))
        return { unreadable: `the data is not valid JSON: ${messageOf(error).slice(0, 200)}` };
      return { data: text, members: 0 };
    }
  }
  if (contentType.startsWith('text/') && saysUtf8(headers['content-type']) && isUtf8(body))
    return { data: body.toString('utf8'), members: 0 };
  return octets();
}

function saysUtf8(contentType = ''): boolean {
  const charset = /;\s*charset="?([^\s";]+)/i.exec(contentType)?.[1] ?? 'utf-8';
  return ['utf-8', 'utf8', 'us-ascii'].includes(charset.toLowerCase());
}
