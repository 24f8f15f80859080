import { ORDER_PAID } from './example-event.js';

/** A dead letter, as examples show it. */
export const DEAD_LETTER = {
  id: 'crm~20240310-0123abcd-000000001~normal~events~1',
  workflowId: 'dead-letter/acme/crm/20240310-0123abcd-000000001/normal/events/1',
  subscription: 'crm',
  kind: 'push',
  reason: 'attempts-exhausted',
  detail: 'HTTP 500 Internal Server Error',
  attempts: 1,
  count: 1,
  stream: 'events',
  batchId: '20240310-0123abcd-000000001',
  types: ['order.paid'],
  firstEvent: 'order-1',
  lastEvent: 'order-1',
  parkedAt: '2024-03-10T12:00:01.000Z',
  expiresAt: '2024-04-09T12:00:00.000Z',
  url: 'http://127.0.0.1:8233/namespaces/headgate/workflows/dead-letter%2Facme%2Fcrm/0f0c4c6e-1c06-4a2b-9a3a-2f6f1c1b8e11/history',
} as const;

const EVENT = {
  ...ORDER_PAID,
  time: '2024-03-10T12:00:00.000Z',
  received_at: '2024-03-10T12:00:00.000Z',
  extensions: { hops: 1 },
} as const;

/** The same with its events. */
export const SHOWN = {
  ...DEAD_LETTER,
  status: 'dead-letter',
  events: [
    {
      line: 0,
      event: EVENT,
      attempts: [
        {
          pass: 1,
          event: 'order-1',
          attempt: 1,
          outcome: 'failed',
          at: '2024-03-10T12:00:01.000Z',
          status: 500,
          error: 'HTTP 500 Internal Server Error',
          ms: 12,
          response: 'no space',
        },
      ],
    },
  ],
  eventsTotal: 1,
} as const;

/** A line of its export. */
export const EXPORTED = {
  deadLetter: DEAD_LETTER.id,
  reason: 'attempts-exhausted',
  detail: 'HTTP 500 Internal Server Error',
  subscription: 'crm',
  attempts: 1,
  event: EVENT,
} as const;

/** A redrive or discard of many that has just been started. */
export const RUNNING = {
  id: '5a0c1f0e-6f3c-4c62-9d5e-0c3c3c1a1f4e',
  workflowId: 'redrive/acme/5a0c1f0e-6f3c-4c62-9d5e-0c3c3c1a1f4e',
  status: 'running',
  startedAt: '2024-03-10T12:00:00.000Z',
  url: 'http://127.0.0.1:8233/namespaces/headgate/workflows/redrive%2Facme%2F5a0c1f0e-6f3c-4c62-9d5e-0c3c3c1a1f4e/0f0c4c6e-1c06-4a2b-9a3a-2f6f1c1b8e11/history',
  progress: { matched: 0, matchedEvents: 0, done: 0, events: 0, left: 0 },
} as const;

/** The same once it has ended. */
export const COMPLETED = { ...RUNNING, status: 'completed', closedAt: '2024-03-10T12:00:01.000Z' } as const;
