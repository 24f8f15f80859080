import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { WebhookSource } from '../../webhook-sources/compile.js';
import { mapEvent, type WebhookContext } from '../../webhook-sources/mapping.js';
import type { Candidate } from '../candidate.js';
import { readWebhookBody, type WebhookBody } from './webhook-body.js';

/** A request whose sender is known. */
export interface VerifiedRequest {
  readonly request: Pick<IncomingMessage, 'headers' | 'url'>;
  readonly body: Buffer;
  /** What was signed. */
  readonly content: Buffer;
}

/** Headers that prove who somebody is: expressions do not see them, so that they come into no event. */
const PROOFS = new Set([
  'authorization',
  'cookie',
  'proxy-authorization',
  'stripe-signature',
  'webhook-signature',
  'x-hub-signature',
  'x-hub-signature-256',
  'x-shopify-hmac-sha256',
  'x-slack-signature',
]);

const JSON_TYPE = 'application/json';
/** What is kept of a body as JSON has been looked at, and what expressions make comes from no text. */
const LOST_NOTHING = { members: 0 };

/** Makes the event of a webhook, or says why none can be made. */
export function webhookEvent(source: WebhookSource, { request, body, content }: VerifiedRequest): Candidate {
  const { verify, mapping, defaults, name } = source;
  const read = readWebhookBody(verify.kind, request.headers['content-type'], body);
  const mapped = mapEvent(mapping, defaults, contextOf(source, request, read));
  if ('problem' in mapped) return { unreadable: mapped.problem };
  const { data, ...attributes } = mapped;
  if (data !== undefined && read.isLossy)
    return { unreadable: 'map.data: the body has a number or a key that would be lost; leave map.data out' };
  const value = {
    specversion: '1.0',
    id: createHash('sha256').update(content).digest('hex'),
    source: `/sources/${name}`,
    type: `webhook.${name}`,
    ...attributes,
    ...(data === undefined ? read.kept : { data, datacontenttype: JSON_TYPE }),
  };
  return { value, written: LOST_NOTHING };
}

function contextOf(
  { verify }: WebhookSource,
  { headers, url = '' }: VerifiedRequest['request'],
  { value }: WebhookBody,
): WebhookContext {
  const own = verify.kind === 'hmac' ? verify.header.toLowerCase() : undefined;
  const shown = Object.entries(headers).flatMap(([name, text]) =>
    typeof text === 'string' && !PROOFS.has(name) && name !== own ? [[name, text] as const] : [],
  );
  const at = url.indexOf('?');
  const query = at === -1 ? [] : new URLSearchParams(url.slice(at));
  return { headers: Object.fromEntries(shown), body: value, query: Object.fromEntries(query) };
}
