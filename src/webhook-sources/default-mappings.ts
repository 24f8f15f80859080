import type { MappingTexts } from './mapping.js';
import type { Verification } from './verification.js';

/**
 * What a source's events are made of where its file does not say: expressions over what each sender sends. What such an
 * expression asks for may be missing; the attribute is then left out, or, of `id` and `type`, made otherwise.
 */
export const DEFAULT_MAPPINGS: Readonly<Record<Verification['kind'], MappingTexts>> = {
  /** @see https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers */
  github: {
    id: 'headers["x-github-delivery"]',
    type: '"github." + headers["x-github-event"]',
    subject: 'body.repository.full_name',
  },
  /** @see https://docs.stripe.com/api/events/object */
  stripe: { id: 'body.id', type: '"stripe." + body.type', time: 'body.created' },
  /** @see https://shopify.dev/docs/apps/build/webhooks/anatomy */
  shopify: {
    id: 'headers["x-shopify-webhook-id"]',
    type: '"shopify." + headers["x-shopify-topic"]',
    subject: 'headers["x-shopify-shop-domain"]',
    time: 'headers["x-shopify-triggered-at"]',
  },
  /** @see https://docs.slack.dev/apis/events-api/#callback-field */
  slack: {
    id: 'body.event_id',
    type: '"slack." + (has(body.event) ? body.event.type : has(body.command) ? "command" : body.type)',
    time: 'body.event_time',
  },
  /** @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#payload-structure */
  'standard-webhooks': { id: 'headers["webhook-id"]', type: 'body.type', time: 'body.timestamp' },
  hmac: {},
  basic: {},
};
