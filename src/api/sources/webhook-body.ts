import { isUtf8 } from 'node:buffer';
import type { Verification } from '../../webhook-sources/verification.js';
import { parseBounded } from '../bounded-json.js';
import { checkData } from '../check-data.js';

/** The body of a webhook: what expressions see of it, and what an event keeps. */
export interface WebhookBody {
  /** An object or array of JSON, or the fields of a form; empty where it is neither. */
  readonly value: object;
  /** Attributes of an event that has the body as its data. */
  readonly kept: {
    readonly data?: unknown;
    readonly data_base64?: string;
    readonly datacontenttype?: string;
  };
  /** Whether a number or key of it was lost by parsing, so that nothing but the text has it all. */
  readonly isLossy?: true;
}

const JSON_TYPE = 'application/json';
const FORM = 'application/x-www-form-urlencoded';
const TEXT = 'text/plain; charset=utf-8';
/** What `datacontenttype` may be. */
const CONTENT_TYPE = /^[\x20-\x7e]{1,256}$/;
/** Senders that put JSON into this field, where they send forms. */
const JSON_FIELD: Readonly<Partial<Record<Verification['kind'], string>>> = {
  github: 'payload',
  slack: 'payload',
};
const NOTHING: object = {};
const MOST_FIELDS = 1_000;

/**
 * Reads the body of a webhook that is verified. It refuses nothing: what cannot be kept as JSON is kept as the text that came,
 * since most senders would not send it otherwise.
 * @param sender the `kind` of the source's verification
 */
export function readWebhookBody(
  sender: Verification['kind'],
  contentType: string | undefined,
  body: Buffer,
): WebhookBody {
  if (body.length === 0) return { value: NOTHING, kept: {} };
  const type = contentType ?? '';
  if (!isUtf8(body))
    return { value: NOTHING, kept: { data_base64: body.toString('base64'), ...typed(type) } };
  const [mediaType = ''] = type.toLowerCase().split(';', 1);
  if (mediaType.trim() === FORM) return readForm(sender, type, body.toString('utf8'));
  if (type === '' || /[/+]json$/.test(mediaType.trim()))
    return readJson(body, type === '' ? JSON_TYPE : type);
  return { value: NOTHING, kept: { data: body.toString('utf8'), ...typed(type) } };
}

function readForm(sender: Verification['kind'], contentType: string, text: string): WebhookBody {
  const fields = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (fields.size < MOST_FIELDS) fields.set(name, value);
  }
  const json = fields.get(JSON_FIELD[sender] ?? '');
  if (json !== undefined) return readJson(Buffer.from(json), JSON_TYPE);
  return { value: Object.fromEntries(fields), kept: { data: text, ...typed(contentType) } };
}

function readJson(body: Buffer, contentType: string): WebhookBody {
  const asText = { data: body.toString('utf8'), datacontenttype: TEXT };
  try {
    const parsed = parseBounded(body);
    if ('excess' in parsed) return { value: NOTHING, kept: asText, isLossy: true };
    const { value: data, written } = parsed;
    const value = typeof data === 'object' ? (data ?? NOTHING) : NOTHING;
    if (checkData({ data }, 0, [written]) !== undefined) return { value, kept: asText, isLossy: true };
    return { value, kept: { data, ...typed(contentType) } };
  } catch {
    return { value: NOTHING, kept: asText };
  }
}

function typed(contentType: string): { datacontenttype?: string } {
  return CONTENT_TYPE.test(contentType) ? { datacontenttype: contentType } : {};
}
