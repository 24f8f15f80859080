import { ORDER_PAID } from './example-event.js';

const BATCH = '20240310-0123abcd-000000001';
const UI = 'http://127.0.0.1:8233/namespaces/headgate/workflows';

const SUMMARY = {
  id: ORDER_PAID.id,
  source: ORDER_PAID.source,
  stream: 'events',
  type: ORDER_PAID.type,
  subject: ORDER_PAID.subject,
  time: '2024-03-10T12:00:00.000Z',
  receivedAt: '2024-03-10T12:00:00.000Z',
  state: 'batched',
  batchId: BATCH,
} as const;

const SEARCHED = { from: '2024-03-10', to: '2024-03-10T12:05:00.000Z', complete: true } as const;

/** A page of events. */
export const FOUND = { events: [SUMMARY], searched: SEARCHED } as const;

/** What became of an event: loaded, and a dead letter of one subscription. */
export const FOUND_STORY = {
  events: [
    {
      ...SUMMARY,
      line: 0,
      workflow: {
        workflowId: `batch/acme/events/${BATCH}`,
        runId: '0f0c4c6e-1c06-4a2b-9a3a-2f6f1c1b8e11',
        status: 'completed',
        startedAt: '2024-03-10T12:00:00.120Z',
        closedAt: '2024-03-10T12:00:00.480Z',
        url: `${UI}/batch%2Facme%2Fevents%2F${BATCH}/0f0c4c6e-1c06-4a2b-9a3a-2f6f1c1b8e11/history`,
      },
      decisions: [
        {
          rule: 'free_shipping',
          ruleVersion: '3f2a9c01d4e5',
          outcome: 'ineligible',
          reason: 'aggregates.spent = 60 and profile.plan = "silver"',
        },
      ],
      load: {
        workflow: {
          workflowId: 'load/acme/20240310T120000.000Z',
          runId: '8a6f1d0e-6a56-4d0b-8c36-0d6d3d0d6b5a',
          status: 'completed',
          startedAt: '2024-03-10T12:00:00.300Z',
          closedAt: '2024-03-10T12:00:10.700Z',
          url: `${UI}/load%2Facme%2F20240310T120000.000Z/8a6f1d0e-6a56-4d0b-8c36-0d6d3d0d6b5a/history`,
        },
        loads: [
          {
            stream: 'events',
            loadId: '20240310T120000.000Z-0',
            file: 'events/day=2024-03-10/20240310T120000.000Z-0.parquet',
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
          attempts: [
            {
              pass: 1,
              attempt: 1,
              outcome: 'failed',
              at: '2024-03-10T12:00:01.000Z',
              status: 500,
              error: 'HTTP 500 Internal Server Error',
              ms: 12,
              response: 'no space',
            },
          ],
          deadLetters: [
            {
              id: `crm~${BATCH}~attempts-exhausted.1`,
              reason: 'attempts-exhausted',
              detail: 'HTTP 500 Internal Server Error',
              attempts: 1,
              status: 'dead-letter',
            },
          ],
          workflow: {
            workflowId: `deliver/acme/crm/${BATCH}`,
            runId: '5d1f1c7e-3a1f-4a7e-9b1c-1f5b2f0d7c11',
            status: 'completed',
            startedAt: '2024-03-10T12:00:00.350Z',
            closedAt: '2024-03-10T12:00:01.050Z',
            url: `${UI}/deliver%2Facme%2Fcrm/5d1f1c7e-3a1f-4a7e-9b1c-1f5b2f0d7c11/history`,
          },
        },
      ],
    },
  ],
  searched: SEARCHED,
} as const;
