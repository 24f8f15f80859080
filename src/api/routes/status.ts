import type { Status } from '../../status/status.js';
import { route } from '../route.js';
import { STATUS, STATUS_QUERY } from '../schemas/status.js';

/** What the route of the status needs of the server. */
export interface StatusServices {
  readonly status: Pick<Status, 'report'>;
}

const NOTHING = { batches: 0, events: 0, windows: 0, oldestSeconds: 0 };

/** `/v1/status`: what fails, what waits, and what to do about it; of a tenant, or of all in an operator's reach. */
export const STATUS_ROUTES = [
  route(
    {
      id: 'getStatus',
      audience: 'either',
      method: 'GET',
      path: '/v1/status',
      tag: 'Status',
      scope: 'status:read',
      summary: 'See how it stands',
      description:
        'What is wrong, the worst first: since when, the last error, what is undelivered, and the command or page to go on with. A tenant sees its own subscriptions, loads and events. An operator sees all tenants that it reaches, or the one that it names, and spool and disks. What is said of subscriptions is some seconds old, see `lookedAt`.',
      query: STATUS_QUERY,
      answer: { status: 200, description: 'How it stands, also where something fails.', schema: STATUS },
      examples: [
        {
          name: 'well',
          summary: 'Nothing fails',
          query: { limit: '0' },
          answer: {
            verdict: 'well',
            at: '2024-03-10T12:00:05.000Z',
            lookedAt: '2024-03-10T12:00:00.000Z',
            oldestLookAt: '2024-03-10T11:59:40.000Z',
            temporal: { reachable: true, since: '2024-03-10T06:00:00.000Z' },
            tenants: 1,
            tenantsFailing: 0,
            subscriptions: 2,
            undelivered: NOTHING,
            backlog: { bytes: 0, oldestSeconds: 0 },
            problems: [],
            moreProblems: 0,
          },
        },
        {
          name: 'failing',
          summary: 'A webhook fails',
          answer: {
            verdict: 'failing',
            at: '2024-03-10T12:00:05.000Z',
            lookedAt: '2024-03-10T12:00:00.000Z',
            oldestLookAt: '2024-03-10T11:59:40.000Z',
            temporal: { reachable: true, since: '2024-03-10T06:00:00.000Z' },
            tenants: 1,
            tenantsFailing: 1,
            subscriptions: 2,
            undelivered: NOTHING,
            backlog: { bytes: 0, oldestSeconds: 0 },
            problems: [
              {
                level: 'failing',
                kind: 'failing',
                tenant: 'acme',
                subscription: 'crm',
                since: '2024-03-10T11:58:30.000Z',
                lastError: 'HTTP 500 Internal Server Error: no space',
                what: 'every delivery fails, for 2 minutes — HTTP 500 Internal Server Error: no space',
                command: 'headgate subscription show crm --tenant acme',
                page: 'docs/runbook/subscription-failing.md',
              },
            ],
            moreProblems: 0,
          },
        },
      ],
    },
    ({ status }: StatusServices, { caller, query: { limit } }) =>
      status.report({
        includes: (tenant) => caller.reach.includes(tenant),
        withNode: caller.role === 'operator',
        limit,
      }),
  ),
];
