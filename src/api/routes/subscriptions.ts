import { LIST_COST } from '../../ingest/admission/calls.js';
import type { SubscriptionControl, StatusChange } from '../../subscriptions/control.js';
import type { SubscriptionOverviews } from '../../subscriptions/overview.js';
import type { SendTestEvent } from '../../subscriptions/test-event.js';
import { assertSubscriptionName } from '../../tenants/ids.js';
import { route } from '../route.js';
import {
  CHANGE_BODY,
  SUBSCRIPTION_CHANGED,
  SUBSCRIPTION_DETAILS,
  SUBSCRIPTION_NAME,
  SUBSCRIPTIONS,
  TEST_EVENT_SENT,
} from '../schemas/subscriptions.js';

/** What the routes of subscriptions need of the server. */
export interface SubscriptionServices {
  readonly subscriptions: {
    readonly control: Pick<SubscriptionControl, 'change'>;
    readonly overviews: Pick<SubscriptionOverviews, 'asking' | 'list' | 'show'>;
    readonly sendTestEvent: SendTestEvent;
  };
}

const MAX_BODY_BYTES = 10_000;

const CRM = {
  name: 'crm',
  kind: 'push',
  url: 'https://crm.example.com/hooks',
  state: 'active',
  queue: 'tenant.acme.sub.crm',
  waiting: { batches: 0, events: 0, oldestSeconds: 0 },
} as const;

const READING = [
  route(
    {
      id: 'listSubscriptions',
      method: 'GET',
      path: '/v1/subscriptions',
      tag: 'Subscriptions',
      scope: 'subscriptions:read',
      summary: 'List subscriptions',
      description:
        'All subscriptions of the tenant, the built-in ones too: state, and how far each is behind.',
      temporalCost: LIST_COST,
      answer: { status: 200, description: 'The subscriptions.', schema: SUBSCRIPTIONS },
      examples: [
        {
          name: 'all',
          summary: 'The built-in ones, and a webhook',
          answer: {
            subscriptions: [
              {
                name: 'warehouse',
                kind: 'warehouse',
                state: 'active',
                queue: 'tenant.acme',
                waiting: { windows: 0, oldestSeconds: 0 },
              },
              CRM,
            ],
          },
        },
      ],
    },
    async ({ subscriptions: { overviews } }: SubscriptionServices, { tenant }) => ({
      subscriptions: await overviews.list(tenant),
    }),
  ),
  route(
    {
      id: 'getSubscription',
      method: 'GET',
      path: '/v1/subscriptions/{name}',
      tag: 'Subscriptions',
      scope: 'subscriptions:read',
      summary: 'Show a subscription',
      description: 'One subscription, with the batches on their way to it and its dead letters.',
      temporalCost: LIST_COST,
      params: { name: SUBSCRIPTION_NAME },
      answer: { status: 200, description: 'The subscription.', schema: SUBSCRIPTION_DETAILS },
      errors: ['NOT_FOUND'],
      examples: [{ name: 'one', summary: 'A webhook', answer: { ...CRM, deliveries: 0, deadLetters: 0 } }],
    },
    async ({ subscriptions: { overviews } }: SubscriptionServices, { tenant, params }) =>
      overviews.show(tenant, assertSubscriptionName(params.name)),
  ),
];

/** What each verb makes of a subscription, and what is said of it. */
const CHANGES = {
  pause: {
    to: 'paused',
    summary: 'Pause a subscription',
    description: 'Events wait until it is resumed. `warehouse` can be paused as well: its loads wait.',
    body: { reason: 'maintenance of the CRM' },
    changed: { reason: 'maintenance of the CRM' },
  },
  resume: {
    to: 'active',
    summary: 'Resume a subscription',
    description: 'It delivers again; what waits between attempts is due at once.',
    body: undefined,
    changed: undefined,
  },
  drain: {
    to: 'draining',
    summary: 'Drain a subscription',
    description: 'It takes no new events, and delivers what waits.',
    body: { reason: 'the CRM is moving' },
    changed: { reason: 'the CRM is moving' },
  },
} as const;

const CHANGING = Object.entries(CHANGES).map(([verb, { to, summary, description, body, changed }]) =>
  route(
    {
      id: `${verb}Subscription`,
      method: 'POST',
      path: `/v1/subscriptions/{name}/${verb}`,
      tag: 'Subscriptions',
      scope: 'subscriptions:write',
      summary,
      description: `${description} Who asked, the token's subject, is shown with the state.`,
      maxBytes: MAX_BODY_BYTES,
      temporalCost: LIST_COST,
      params: { name: SUBSCRIPTION_NAME },
      body: { schema: CHANGE_BODY, optional: true },
      answer: { status: 200, description: 'The state it has now.', schema: SUBSCRIPTION_CHANGED },
      errors: ['NOT_FOUND', 'SUBSCRIPTION_BUILT_IN'],
      examples: [
        {
          name: body === undefined ? 'without-reason' : 'with-reason',
          summary: body === undefined ? 'Without a body' : 'With the reason',
          ...(body !== undefined && { body }),
          answer: {
            name: 'crm',
            state: to,
            ...(changed && { by: 'ops@example.com', ...changed, since: '2024-03-10T12:00:00.000Z' }),
          },
        },
      ],
    },
    async (
      { subscriptions: { control, overviews } }: SubscriptionServices,
      { tenant, caller, params, body: { reason } },
    ) => {
      const name = assertSubscriptionName(params.name);
      const change: StatusChange = { to, by: caller.subject, ...(reason !== undefined && { reason }) };
      const status = await overviews.asking(() => control.change(tenant, name, change));
      return { name, ...status };
    },
  ),
);

const TESTING = route(
  {
    id: 'testSubscription',
    method: 'POST',
    path: '/v1/subscriptions/{name}/test',
    tag: 'Subscriptions',
    scope: 'subscriptions:write',
    summary: 'Send a test event',
    description:
      'An event of the type `headgate.subscription.test` goes to this subscription alone, whatever the routes say. Rules do not see it; the warehouse has it as every event. It waits while the subscription is paused.',
    temporalCost: LIST_COST,
    params: { name: SUBSCRIPTION_NAME },
    answer: { status: 202, description: 'It is on its way.', schema: TEST_EVENT_SENT },
    errors: ['NOT_FOUND', 'SUBSCRIPTION_BUILT_IN', 'BATCH_STORE_UNAVAILABLE', 'BATCH_STORE_REFUSED'],
    examples: [
      {
        name: 'webhook',
        summary: 'To a webhook',
        answer: {
          eventId: 'headgate.subscription.test:crm:2024-03-10T12:00:00.000Z',
          batchId: '20240310-00000000-0tm0xxmo1',
        },
      },
    ],
  },
  async ({ subscriptions: { overviews, sendTestEvent } }: SubscriptionServices, { tenant, caller, params }) =>
    overviews.asking(() => sendTestEvent(tenant, assertSubscriptionName(params.name), caller.subject)),
);

/** The routes under `/v1/subscriptions` that look at subscriptions and change them, of the caller's own tenant alone. */
export const SUBSCRIPTION_ROUTES = [...READING, ...CHANGING, TESTING];
