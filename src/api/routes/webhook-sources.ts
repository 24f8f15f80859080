import { anything, text } from '../../platform/json-schema.js';
import { TENANT_ID } from '../../tenants/ids.js';
import { ANSWERED, route, type Route } from '../route.js';
import type { SourceGuard } from '../sources/source-guard.js';
import { takeWebhook } from '../sources/take-webhook.js';
import type { EventServices } from '../take-events.js';

/** What the route of sources needs of the server. */
export interface WebhookSourceServices extends EventServices {
  readonly sourceGuard: SourceGuard;
}

/** As much as a source of any file may take. */
const MAX_BODY_BYTES = 4 * 1024 ** 2;

const ACT = { id: 'receiveWebhook', act: 'counted' } as const;

const PUSHED = { ref: 'refs/heads/main', repository: { full_name: 'acme/shop' } };
/** Of {@link PUSHED} as JSON, by the secret that the tests have. */
const SIGNATURE = 'sha256=51436f1994227a9fdbdc20384030df14c53e8892c75e4acaa4f9ecf2724a3afe';

const PUSH = { 'x-github-event': 'push', 'x-github-delivery': '72d3162e-cc78-11e3-81ab-4c9367dc0958' };

/** `POST /v1/sources/{tenant}/{name}`: see {@link SourceGuard} and {@link takeWebhook}. */
export const WEBHOOK_SOURCE_ROUTES: readonly Route<WebhookSourceServices>[] = [
  route(
    {
      ...ACT,
      method: 'POST',
      path: '/v1/sources/{tenant}/{name}',
      tag: 'Events',
      summary: 'Receive a webhook',
      description:
        "Takes a webhook of somebody else, as `sources` of the tenant's file says, and makes an event of it. Its signature proves who sends it. A 200 means that the event is on disk, also where it had come before.",
      params: {
        tenant: text({ pattern: TENANT_ID.source, description: "The tenant's id.", examples: ['acme'] }),
        name: text({ description: "The source's name.", examples: ['github'] }),
      },
      maxBytes: MAX_BODY_BYTES,
      body: {
        schema: anything({ description: 'Whatever the sender sends.' }),
        mediaTypes: ['application/json', 'application/x-www-form-urlencoded'],
        read: 'raw',
      },
      answer: {
        status: 200,
        description: '`accepted` or `duplicate`; nothing for Slack, or its challenge.',
        mediaType: 'text/plain',
      },
      errors: [
        'SOURCE_UNKNOWN',
        'SIGNATURE_INVALID',
        'SOURCE_UNVERIFIABLE',
        'TENANT_SUSPENDED',
        'NOTHING_ACCEPTED',
        'ADDRESS_RATE_LIMITED',
        'TENANT_RATE_LIMITED',
        'TENANT_IN_FLIGHT_FULL',
        'TENANT_BACKLOG_FULL',
        'BUDGET_REACHED',
        'OVERLOADED',
        'DISK_FULL',
        'ENGINE_UNAVAILABLE',
        'STATE_UNAVAILABLE',
      ],
      examples: [
        {
          name: 'push',
          summary: 'A push to a repository of GitHub',
          headers: { ...PUSH, 'x-hub-signature-256': SIGNATURE },
          body: PUSHED,
          answer: 'accepted',
        },
        {
          name: 'forged',
          summary: 'A webhook that somebody else has signed',
          headers: { ...PUSH, 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` },
          body: PUSHED,
          status: 401,
          answer: {
            type: 'urn:headgate:problem:signature-invalid',
            title: 'Unauthorized',
            status: 401,
            code: 'SIGNATURE_INVALID',
            detail: 'What the request is signed with is not a secret of this source.',
          },
        },
      ],
    },
    async (services: WebhookSourceServices, { ctx, params: { tenant, name } }) => {
      await services.sourceGuard.pass(ctx, ACT, { tenant, name }, (admitted) =>
        takeWebhook(services, ctx, tenant, admitted),
      );
      return ANSWERED;
    },
  ),
];
