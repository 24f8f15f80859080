import { HeadgateError } from '../../errors.js';
import type { SecretChanges } from '../../tenant-changes/secrets.js';
import { SECRET_NAME as NAME } from '../../tenants/config/secret-reference.js';
import { route } from '../route.js';
import {
  REVOCATION_QUERY,
  ROTATION_BODY,
  SECRET_BODY,
  SECRET_CHANGED,
  SECRET_NAME,
  SECRETS,
} from '../schemas/secrets.js';
import { TENANT_IN_PATH } from '../schemas/tenants.js';
import { authorOf } from './tenants.js';

/** What the routes of secrets need of the server. */
export interface SecretServices {
  readonly secrets: Pick<SecretChanges, 'list' | 'make' | 'rotate' | 'revoke'>;
}

const MAX_BODY_BYTES = 30_000;
const MANAGED = { audience: 'operator', tenantIn: 'tenant', tag: 'Secrets' } as const;
const CHANGE_ERRORS = ['NOT_FOUND', 'STATE_CONFLICT', 'DISK_FULL', 'BATCH_KEY_WRONG'] as const;
const MAKING_ERRORS = [...CHANGE_ERRORS, 'SECRET_INVALID', 'BATCH_KEY_MISSING'] as const;

const FIRST = { id: 1, madeAt: '2024-03-10T12:00:00.000Z', by: 'ops@example.com' };
const MADE = { name: 'crm', kind: 'hmac', values: [FIRST], usedBy: [] } as const;
const VALUE = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=';

/** The routes of tenants' secrets: for operators, of the tenants of their tokens alone. */
export const SECRET_ROUTES = [
  route(
    {
      ...MANAGED,
      id: 'listSecrets',
      method: 'GET',
      path: '/v1/tenants/{tenant}/secrets',
      scope: 'tenants:read',
      summary: 'List the secrets of a tenant',
      description: 'Their names, since when they are valid, and who uses them. Their values are never shown.',
      params: { tenant: TENANT_IN_PATH },
      answer: { status: 200, description: 'The secrets.', schema: SECRETS },
      errors: ['NOT_FOUND', 'BATCH_KEY_WRONG'],
      examples: [{ name: 'all', summary: 'A signing secret', answer: { secrets: [MADE] } }],
    },
    async ({ secrets }: SecretServices, { tenant }) => ({ secrets: await secrets.list(tenant) }),
  ),
  route(
    {
      ...MANAGED,
      id: 'makeSecret',
      method: 'POST',
      path: '/v1/tenants/{tenant}/secrets',
      scope: 'tenants:write',
      summary: 'Make a secret',
      description:
        "It is encrypted with the master key, and the tenant's file refers to it as `secret:<name>`. Where Headgate makes the value, this answer shows it, and nothing ever again.",
      maxBytes: MAX_BODY_BYTES,
      params: { tenant: TENANT_IN_PATH },
      body: { schema: SECRET_BODY },
      answer: { status: 201, description: 'The secret.', schema: SECRET_CHANGED },
      errors: MAKING_ERRORS,
      examples: [
        {
          name: 'signing',
          summary: 'A new secret that signs webhooks',
          body: { name: 'crm', reason: 'the CRM verifies webhooks now' },
          answer: { ...MADE, change: 'secret-made', number: 2, value: VALUE },
        },
        {
          name: 'header',
          summary: 'A value for a header, which is not shown',
          body: { name: 'crm-api', kind: 'text', value: 'Bearer a-token-of-the-crm' },
          answer: {
            name: 'crm-api',
            kind: 'text',
            values: [{ ...FIRST, id: 2 }],
            usedBy: [],
            change: 'secret-made',
            number: 3,
          },
        },
      ],
    },
    async ({ secrets }: SecretServices, call) => {
      const { name, kind, value } = call.body;
      const { tenant } = call;
      return changed(await secrets.make({ tenant, name, kind, value, author: authorOf(call) }));
    },
  ),
  route(
    {
      ...MANAGED,
      id: 'rotateSecret',
      method: 'POST',
      path: '/v1/tenants/{tenant}/secrets/{name}/rotate',
      scope: 'tenants:write',
      summary: 'Rotate a secret',
      description:
        'It gets a new value. Until the overlap is over webhooks are signed with the old one as well, so receivers can verify by either; a header has the new one at once.',
      maxBytes: MAX_BODY_BYTES,
      params: { tenant: TENANT_IN_PATH, name: SECRET_NAME },
      body: { schema: ROTATION_BODY, optional: true },
      answer: { status: 200, description: 'The secret.', schema: SECRET_CHANGED },
      errors: MAKING_ERRORS,
      examples: [
        {
          name: 'two-days',
          summary: 'The old one is valid for two days',
          body: { overlapSeconds: 172_800, reason: 'rotated each year' },
          answer: {
            ...MADE,
            values: [
              { ...FIRST, id: 3 },
              { ...FIRST, validUntil: '2024-03-12T12:00:00.000Z' },
            ],
            change: 'secret-rotated',
            number: 4,
            value: VALUE,
          },
        },
      ],
    },
    async ({ secrets }: SecretServices, call) => {
      const { value, overlapSeconds } = call.body;
      const asked = { tenant: call.tenant, name: nameIn(call.params), author: authorOf(call) };
      return changed(await secrets.rotate({ ...asked, value, overlapMs: overlapSeconds * 1_000 }));
    },
  ),
  route(
    {
      ...MANAGED,
      id: 'revokeSecret',
      method: 'DELETE',
      path: '/v1/tenants/{tenant}/secrets/{name}',
      scope: 'tenants:write',
      summary: 'Revoke a secret',
      description:
        'At once, and for good. What is to be delivered by subscriptions that refer to it waits until there is one of this name again.',
      params: { tenant: TENANT_IN_PATH, name: SECRET_NAME },
      query: REVOCATION_QUERY,
      answer: { status: 200, description: 'What is left of it.', schema: SECRET_CHANGED },
      errors: CHANGE_ERRORS,
      examples: [
        {
          name: 'all',
          summary: 'All of it',
          query: { reason: 'it was in a log' },
          answer: { ...MADE, values: [], change: 'secret-revoked', number: 5 },
        },
      ],
    },
    async ({ secrets }: SecretServices, call) => {
      const asked = { tenant: call.tenant, name: nameIn(call.params), author: authorOf(call) };
      return changed(await secrets.revoke({ ...asked, id: call.query.id }));
    },
  ),
];

function nameIn({ name }: { readonly name: string }): string {
  if (new RegExp(`^${NAME}$`).test(name)) return name;
  throw new HeadgateError('NOT_FOUND', 'No secret has this name.');
}

type Changed = Awaited<ReturnType<SecretChanges['make']>>;

/** Of all changes of a tenant, those that a secret may have. */
function changed(answer: Changed) {
  return answer as Changed & { readonly change: 'secret-made' | 'secret-rotated' | 'secret-revoked' };
}
