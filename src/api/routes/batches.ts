import { text } from '../../platform/json-schema.js';
import { assertBatchId } from '../../tenants/ids.js';
import type { Receipts } from '../../receipts/receipts.js';
import { route } from '../route.js';
import { BATCH } from '../schemas/batches.js';

/** `GET /v1/batches/{id}`: the batch's receipt. Only the caller's own tenant is looked in. */
export const BATCH_ROUTES = [
  route(
    {
      id: 'getBatch',
      method: 'GET',
      path: '/v1/batches/{id}',
      tag: 'Batches',
      scope: 'batches:read',
      summary: 'Show the receipt of a batch',
      description:
        'What became of a batch: its workflow, the load that holds it, and its deliveries. It is read from Temporal, and is there for as long as Temporal keeps histories.',
      temporalCost: 1,
      params: {
        id: text({
          description: "A batch's id, which the warehouse has as `batch_id`.",
          pattern: '^\\d{8}-[0-9a-f]{8}-[0-9a-z]{9}$',
          examples: ['20240310-0123abcd-000000001'],
        }),
      },
      answer: { status: 200, description: 'The receipt.', schema: BATCH },
      errors: ['NOT_FOUND', 'BATCH_UNREACHABLE', 'BATCH_STORE_UNAVAILABLE'],
      examples: [
        {
          name: 'loaded',
          summary: 'A batch that is in the warehouse',
          answer: {
            batchId: '20240310-0123abcd-000000001',
            tenant: 'acme',
            stream: 'events',
            workflow: {
              workflowId: 'batch/acme/events/20240310-0123abcd-000000001',
              runId: '0f0c4c6e-1c06-4a2b-9a3a-2f6f1c1b8e11',
              status: 'completed',
              startedAt: '2024-03-10T12:00:00.120Z',
              closedAt: '2024-03-10T12:00:00.480Z',
              url: 'http://127.0.0.1:8233/namespaces/headgate/workflows/batch%2Facme%2Fevents%2F20240310-0123abcd-000000001/0f0c4c6e-1c06-4a2b-9a3a-2f6f1c1b8e11/history',
            },
            decisions: { evaluated: 1, eligible: {} },
            load: {
              workflow: {
                workflowId: 'load/acme/20240310T120000.000Z',
                runId: '8a6f1d0e-6a56-4d0b-8c36-0d6d3d0d6b5a',
                status: 'completed',
                startedAt: '2024-03-10T12:00:00.300Z',
                closedAt: '2024-03-10T12:00:10.700Z',
                url: 'http://127.0.0.1:8233/namespaces/headgate/workflows/load%2Facme%2F20240310T120000.000Z/8a6f1d0e-6a56-4d0b-8c36-0d6d3d0d6b5a/history',
              },
              loads: [
                {
                  stream: 'events',
                  loadId: '20240310T120000.000Z-0',
                  file: 'events/day=2024-03-10/20240310T120000.000Z-0.parquet',
                  alreadyHeld: false,
                },
                {
                  stream: 'decisions',
                  loadId: '20240310T120000.000Z-1',
                  file: 'decisions/day=2024-03-10/20240310T120000.000Z-1.parquet',
                  alreadyHeld: false,
                },
              ],
            },
            deliveries: [
              {
                subscription: 'crm',
                of: 'events',
                priority: 'normal',
                state: 'dead-lettered',
                events: 1,
                delivered: 0,
                deadLettered: 1,
                passes: 1,
                pending: [],
                deadLetters: [
                  {
                    id: 'crm~20240310-0123abcd-000000001~normal~events~1',
                    reason: 'attempts-exhausted',
                    count: 1,
                    attempts: 1,
                    status: 'dead-letter',
                  },
                ],
                workflow: {
                  workflowId: 'deliver/acme/crm/20240310-0123abcd-000000001/normal/events',
                  runId: '5d1f1c7e-3a1f-4a7e-9b1c-1f5b2f0d7c11',
                  status: 'completed',
                  startedAt: '2024-03-10T12:00:00.350Z',
                  closedAt: '2024-03-10T12:00:01.050Z',
                  url: 'http://127.0.0.1:8233/namespaces/headgate/workflows/deliver%2Facme%2Fcrm/5d1f1c7e-3a1f-4a7e-9b1c-1f5b2f0d7c11/history',
                },
              },
            ],
          },
        },
      ],
    },
    async ({ receipts }: { readonly receipts: Receipts }, { tenant, params }) =>
      receipts.receiptOf(tenant, assertBatchId(params.id)),
  ),
];
