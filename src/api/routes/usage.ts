import type { Usage } from '../../usage/usage.js';
import { route } from '../route.js';
import { USAGE, USAGE_QUERY } from '../schemas/usage.js';

/** What the route of usage needs of the server. */
export interface UsageServices {
  readonly usage: Pick<Usage, 'report'>;
}

const NOTHING = {
  events: 0,
  bytesIn: 0,
  storedBytes: 0,
  decisions: 0,
  loadedRows: 0,
  deliveredEvents: 0,
  deliveryAttempts: 0,
  activitySeconds: 0,
  cpuSeconds: 0,
  workflows: 0,
  actions: 0,
};

/** `GET /v1/usage`: what the caller's own tenant has used, or, for an operator, all of its tenants. */
export const USAGE_ROUTES = [
  route(
    {
      id: 'getUsage',
      method: 'GET',
      path: '/v1/usage',
      tag: 'Usage',
      scope: 'usage:read',
      audience: 'either',
      summary: 'Show usage',
      description:
        'What the tenant has used from one day through another, and what that costs where the operator has set prices. An operator who names no tenant gets all that the token is for, and `by=tenant` has a row for each. It is a second or two behind.',
      query: USAGE_QUERY,
      answer: { status: 200, description: 'The usage.', schema: USAGE },
      errors: ['PARAMETER_INVALID', 'DISK_FULL'],
      examples: [
        {
          name: 'month',
          summary: 'A month in which nothing was done',
          query: { from: '2024-03-01', to: '2024-03-31', by: 'stream' },
          answer: {
            tenant: 'acme',
            from: '2024-03-01',
            to: '2024-03-31',
            by: 'stream',
            rows: [],
            total: NOTHING,
          },
        },
      ],
    },
    async ({ usage }: UsageServices, { tenant, caller: { reach }, query }) =>
      usage.report({ tenant, reaches: (each) => reach.includes(each) }, query),
  ),
];
