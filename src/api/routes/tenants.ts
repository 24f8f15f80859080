import { stringify } from 'yaml';
import type { ChangedTenant, TenantChanges } from '../../tenant-changes/tenants.js';
import type { Author } from '../../tenants/config/change-history.js';
import type { LoadedTenant } from '../../tenants/config/tenant-file.js';
import { assertSubscriptionName } from '../../tenants/ids.js';
import { preconditionOf, PRECONDITION_HEADERS } from '../preconditions.js';
import { route, type Call, type CallCaller, type RouteShape } from '../route.js';
import { SUBSCRIPTION_NAME } from '../schemas/subscriptions.js';
import {
  REASON_QUERY,
  SUBSCRIPTION_BODY,
  TENANT,
  TENANT_BODY,
  TENANT_CHANGED,
  TENANT_HISTORY,
  TENANT_IN_PATH,
  TENANT_LIST,
  TENANT_LIST_QUERY,
} from '../schemas/tenants.js';

/** What the routes of tenants need of the server. */
export interface TenantServices {
  readonly tenants: Pick<
    TenantChanges,
    'ids' | 'show' | 'history' | 'put' | 'remove' | 'changeSubscription'
  > & {
    /** The tenant as this process has it in force. */
    readonly loadedOf: (tenant: string) => LoadedTenant | undefined;
  };
}

/** A file of the most that one may have, as JSON writes it. */
const MAX_BODY_BYTES = 2_500_000;

const MANAGED = { audience: 'operator', tenantIn: 'tenant', tag: 'Tenants' } as const;
const ETAG = { ETag: 'The version, in quotes.' };
const CHANGE_ERRORS = [
  'PARAMETER_INVALID',
  'NOT_FOUND',
  'PRECONDITION_FAILED',
  'PRECONDITION_REQUIRED',
  'STATE_CONFLICT',
  'DISK_FULL',
  'BATCH_KEY_WRONG',
] as const;

const VERSION = '7d9f2a01c3e4';
const CHANGED = { tenant: 'globex', version: VERSION, number: 2, inForceAt: '2024-03-10T12:00:00.000Z' };
const ANY = { 'If-Match': '*' };

const READING = [
  route(
    {
      id: 'listTenants',
      method: 'GET',
      path: '/v1/tenants',
      tag: 'Tenants',
      scope: 'tenants:read',
      audience: 'operator',
      summary: 'List tenants',
      description: 'The tenants that the token reaches, by id.',
      query: TENANT_LIST_QUERY,
      answer: { status: 200, description: 'A page.', schema: TENANT_LIST },
      examples: [
        {
          name: 'page',
          summary: 'The first page',
          query: { limit: '10' },
          answer: {
            tenants: [
              {
                tenant: 'acme',
                version: VERSION,
                isolation: 'pooled',
                suspended: false,
                subscriptions: ['crm'],
              },
            ],
          },
        },
      ],
    },
    async ({ tenants }: TenantServices, { caller: { reach }, query: { after = '', limit } }) => {
      const reached = (await tenants.ids()).filter((id) => id > after && reach.includes(id));
      const page = reached.slice(0, limit);
      return {
        tenants: page.map((tenant) => ({ tenant, ...listed(tenants.loadedOf(tenant)) })),
        ...(reached.length > limit && { nextAfter: page.at(-1)! }),
      };
    },
  ),
  route(
    {
      ...MANAGED,
      id: 'getTenant',
      method: 'GET',
      path: '/v1/tenants/{tenant}',
      scope: 'tenants:read',
      summary: 'Show a tenant',
      description: "The tenant's file, without its literal secrets, and its version.",
      params: { tenant: TENANT_IN_PATH },
      answer: { status: 200, description: 'The tenant.', schema: TENANT, headers: ETAG },
      errors: ['NOT_FOUND'],
      examples: [
        {
          name: 'one',
          summary: 'A tenant',
          answer: { tenant: 'globex', version: VERSION, config: 'tenant: globex\n', inForce: true },
        },
      ],
    },
    async ({ tenants }: TenantServices, { ctx, tenant }) => {
      const shown = await tenants.show(tenant);
      ctx.set('ETag', `"${shown.version}"`);
      return shown;
    },
  ),
  route(
    {
      ...MANAGED,
      id: 'listTenantChanges',
      method: 'GET',
      path: '/v1/tenants/{tenant}/changes',
      scope: 'tenants:read',
      summary: 'List the changes of a tenant',
      description:
        'What was changed through the API or commands, by whom and why. A file that was changed by hand has no line.',
      params: { tenant: TENANT_IN_PATH },
      answer: { status: 200, description: 'The changes.', schema: TENANT_HISTORY },
      errors: ['NOT_FOUND', 'STATE_CONFLICT'],
      examples: [
        {
          name: 'all',
          summary: 'Who created it',
          answer: {
            changes: [
              {
                number: 1,
                at: '2024-03-10T12:00:00.000Z',
                change: 'tenant-created',
                version: VERSION,
                by: 'ops@example.com',
                role: 'operator',
                reason: 'a new customer',
              },
            ],
          },
        },
      ],
    },
    async ({ tenants }: TenantServices, { tenant }) => ({
      changes: (await tenants.history(tenant)).reverse(),
    }),
  ),
];

const CHANGING = [
  route(
    {
      ...MANAGED,
      id: 'putTenant',
      method: 'PUT',
      path: '/v1/tenants/{tenant}',
      scope: 'tenants:write',
      summary: 'Create or replace a tenant',
      description:
        "The file is checked as `headgate tenant apply` checks it. It is on disk when this is answered, and in force from `inForceAt` on. What is there is replaced only if `If-Match` names its version. A removed subscription's events become dead letters.",
      maxBytes: MAX_BODY_BYTES,
      params: { tenant: TENANT_IN_PATH },
      headers: PRECONDITION_HEADERS,
      body: { schema: TENANT_BODY },
      answer: { status: 200, description: 'What was done.', schema: TENANT_CHANGED, headers: ETAG },
      errors: [...CHANGE_ERRORS, 'TENANT_CONFIG_INVALID'],
      examples: [
        {
          name: 'object',
          summary: 'A new tenant, as an object',
          headers: { 'If-None-Match': '*' },
          body: {
            config: { tenant: 'globex', limits: { eventsPerSecond: 500 } },
            reason: 'a new customer',
          },
          answer: { ...CHANGED, change: 'tenant-created', number: 1 },
        },
        {
          name: 'invalid',
          summary: 'A key that is misspelt',
          headers: ANY,
          body: { config: 'tenant: globex\nlimit: {}\n' },
          status: 422,
          answer: {
            type: 'urn:headgate:problem:tenant-config-invalid',
            title: 'Unprocessable Content',
            status: 422,
            code: 'TENANT_CONFIG_INVALID',
            detail: 'globex.yaml:2:1: unknown key "limit"; did you mean "limits"?',
            issues: [{ line: 2, column: 1, message: 'unknown key "limit"; did you mean "limits"?' }],
          },
        },
      ],
    },
    async ({ tenants }: TenantServices, call) => {
      const { config, keepData } = call.body;
      const text = typeof config === 'string' ? config : stringify(config, { lineWidth: 0 });
      return answered(call, await tenants.put({ ...changeOf(call), config: text, keepData }));
    },
  ),
  route(
    {
      ...MANAGED,
      id: 'deleteTenant',
      method: 'DELETE',
      path: '/v1/tenants/{tenant}',
      scope: 'tenants:write',
      summary: 'Delete a tenant',
      description:
        'Its file is taken away: its requests are answered 403, and what is on its way waits. All that is kept of it stays, until `headgate tenant remove --data` is run.',
      params: { tenant: TENANT_IN_PATH },
      headers: PRECONDITION_HEADERS,
      query: REASON_QUERY,
      answer: { status: 200, description: 'What was done.', schema: TENANT_CHANGED },
      errors: CHANGE_ERRORS,
      examples: [
        {
          name: 'any-version',
          summary: 'Whatever its version',
          headers: ANY,
          query: { reason: 'the customer left' },
          answer: {
            tenant: 'globex',
            change: 'tenant-deleted',
            number: 3,
            inForceAt: '2024-03-10T12:00:00.000Z',
          },
        },
      ],
    },
    async ({ tenants }: TenantServices, call) => tenants.remove(changeOf(call)),
  ),
  route(
    {
      ...MANAGED,
      id: 'putTenantSubscription',
      method: 'PUT',
      path: '/v1/tenants/{tenant}/subscriptions/{name}',
      scope: 'tenants:write',
      summary: 'Create or replace a subscription',
      description:
        "One subscription of the tenant's file; all else in it stays, comments included. The file as a whole is checked, and `If-Match` names its version.",
      maxBytes: MAX_BODY_BYTES,
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

/** The routes under `/v1/tenants` but those of secrets: for operators, of the tenants of their tokens alone. */
export const TENANT_ROUTES = [...READING, ...CHANGING];

function listed(loaded: LoadedTenant | undefined) {
  if (loaded === undefined) return {};
  const { isolation, suspended, subscriptions } = loaded.config;
  return {
    version: loaded.version,
    isolation,
    suspended,
    subscriptions: subscriptions.map(({ name }) => name),
  };
}

/** What a call says of any change. */
interface ChangingCall extends Pick<Call<RouteShape>, 'ctx'> {
  readonly tenant: string;
  readonly caller: CallCaller;
  readonly body?: { readonly reason?: string } | undefined;
  readonly query?: { readonly reason?: string } | undefined;
}

/** Who changes something by a call, and why. */
export function authorOf({ caller: { subject }, body, query }: ChangingCall): Author {
  const reason = body?.reason ?? query?.reason;
  return { by: subject, role: 'operator', ...(reason !== undefined && { reason }) };
}

function changeOf(call: ChangingCall) {
  return { tenant: call.tenant, precondition: preconditionOf(call.ctx), author: authorOf(call) };
}

function answered({ ctx }: ChangingCall, changed: ChangedTenant): ChangedTenant {
  if (changed.version !== undefined) ctx.set('ETag', `"${changed.version}"`);
  return changed;
}
