import { assertSubscriptionName } from '../../tenants/ids.js';
import { PRECONDITION_HEADERS } from '../preconditions.js';
import { route } from '../route.js';
import { SUBSCRIPTION_NAME } from '../schemas/subscriptions.js';
import { REASON_QUERY, SUBSCRIPTION_BODY, TENANT_CHANGED, TENANT_IN_PATH } from '../schemas/tenants.js';
import {
  answered,
  ANY,
  CHANGE_ERRORS,
  CHANGED,
  changeOf,
  ETAG,
  MANAGED,
  MAX_FILE_BODY_BYTES,
} from './managing.js';
import type { TenantServices } from './tenants.js';

/** The routes that change one subscription of a tenant's file. */
export const TENANT_SUBSCRIPTION_ROUTES = [
  route(
    {
      ...MANAGED,
      tag: 'Tenants',
      id: 'putTenantSubscription',
      method: 'PUT',
      path: '/v1/tenants/{tenant}/subscriptions/{name}',
      scope: 'tenants:write',
      summary: 'Create or replace a subscription',
      description:
        "One subscription of the tenant's file; all else in it stays, comments included. The file as a whole is checked, and `If-Match` names its version.",
      maxBytes: MAX_FILE_BODY_BYTES,
      params: { tenant: TENANT_IN_PATH, name: SUBSCRIPTION_NAME },
      headers: PRECONDITION_HEADERS,
      body: { schema: SUBSCRIPTION_BODY },
      answer: { status: 200, description: 'What was done.', schema: TENANT_CHANGED, headers: ETAG },
      errors: [...CHANGE_ERRORS, 'TENANT_CONFIG_INVALID'],
      examples: [
        {
          name: 'webhook',
          summary: 'A webhook that is signed with a secret, and what it gets',
          headers: ANY,
          body: {
            subscription: { kind: 'push', url: 'https://crm.example/hooks' },
            routes: [{ match: { type: 'order.*' } }],
            reason: 'the CRM is to hear of orders',
          },
          answer: { ...CHANGED, change: 'subscription-created' },
        },
      ],
    },
    async ({ tenants }: TenantServices, call) => {
      const { subscription, routes } = call.body;
      const edit = {
        name: assertSubscriptionName(call.params.name),
        subscription,
        ...(routes && { routes }),
      };
      return answered(call, await tenants.changeSubscription({ ...changeOf(call), edit }));
    },
  ),
  route(
    {
      ...MANAGED,
      tag: 'Tenants',
      id: 'deleteTenantSubscription',
      method: 'DELETE',
      path: '/v1/tenants/{tenant}/subscriptions/{name}',
      scope: 'tenants:write',
      summary: 'Delete a subscription',
      description:
        "It is taken out of the tenant's file and of its routes; those that led to it alone go. What waits for it becomes dead letters.",
      params: { tenant: TENANT_IN_PATH, name: SUBSCRIPTION_NAME },
      headers: PRECONDITION_HEADERS,
      query: REASON_QUERY,
      answer: { status: 200, description: 'What was done.', schema: TENANT_CHANGED, headers: ETAG },
      errors: [...CHANGE_ERRORS, 'TENANT_CONFIG_INVALID'],
      examples: [
        {
          name: 'any-version',
          summary: "Whatever the file's version",
          headers: ANY,
          answer: { ...CHANGED, change: 'subscription-deleted', number: 3 },
        },
      ],
    },
    async ({ tenants }: TenantServices, call) => {
      const edit = { name: assertSubscriptionName(call.params.name) };
      return answered(call, await tenants.changeSubscription({ ...changeOf(call), edit }));
    },
  ),
];
