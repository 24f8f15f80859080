import type { KeyText } from './key-text.js';

const TEMPLATE = 'A text over `event`.';

/** Of subscriptions, of all kinds. */
export const SUBSCRIPTION_KEYS = {
  subscriptions: {
    what: 'Who gets events besides the warehouse, each at its own pace. Routes say which events.',
    unset: 'none',
    example: '[{ name: analytics, kind: pull }]',
  },
  'subscriptions[]': { what: 'One subscription. What else it may say depends on its `kind`.' },
  'subscriptions[].name': {
    what: 'Its name: small letters, digits, `_` and `-`, beginning with a letter. `warehouse`, `eligibility` and `ingest` are taken.',
    example: 'crm',
  },
  'subscriptions[].kind': {
    what: '`push` posts webhooks, `pull` lets consumers take events, `workflow` starts or signals workflows of your own.',
    example: 'push',
  },
  'subscriptions[].limits': { what: 'Rates of the subscription.' },
  'subscriptions[].limits.eventsPerSecond': {
    what: 'Events delivered per second, by each process.',
    unset: 'no limit',
    example: '200',
  },
  'subscriptions[].limits.activitiesPerSecond': {
    what: 'Batches handed over per second, by all processes.',
    default: '50',
    example: '10',
  },
  'subscriptions[].retention': {
    what: 'How long its dead letters are kept, and what waits while it is paused.',
    unset: "the tenant's `retention`",
    example: '14 days',
  },
  'subscriptions[].url': {
    what: 'Where webhooks are posted to. Plain http and addresses that are not public need `HEADGATE_PUSH_ALLOW`.',
    example: 'https://crm.example/hooks',
  },
  'subscriptions[].secret': {
    what: 'The secret that signs webhooks: `env:HEADGATE_SECRET_<TENANT>__<NAME>`, or the secret itself, in development. `whsec_…` signs by HMAC-SHA256, `whsk_…` by ed25519.',
    unset: 'unsigned',
    example: 'env:HEADGATE_SECRET_ACME__CRM',
  },
  'subscriptions[].secrets': {
    what: 'Several secrets, all of which sign: for the time in which one is changed.',
    unset: 'none',
    example: '[env:HEADGATE_SECRET_ACME__CRM, env:HEADGATE_SECRET_ACME__CRM_NEW]',
  },
  'subscriptions[].headers': {
    what: 'Further headers of the requests. A value may be `env:HEADGATE_SECRET_<TENANT>__<NAME>`.',
    unset: 'none',
    example: '{ x-api-key: env:HEADGATE_SECRET_ACME__CRM_API }',
  },
  'subscriptions[].format': {
    what: '`event`: one CloudEvent a request. `batch`: many.',
    default: 'event',
    example: 'batch',
  },
  'subscriptions[].maxEvents': {
    what: 'Events of a request with `format: batch`.',
    default: '100',
    example: '500',
  },
  'subscriptions[].timeout': { what: 'How long an answer may take.', default: '15s', example: '5s' },
  'subscriptions[].maxConcurrency': {
    what: 'Requests at once; for workflows, those that are signalled at once.',
    default: '32',
    example: '8',
  },
  'subscriptions[].retry': { what: 'When what has failed is tried again.' },
  'subscriptions[].retry.schedule': {
    what: 'Pauses between attempts. There is one attempt more than pauses, then the event is a dead letter. Each pause gets up to a fifth of jitter.',
    default: '[5s, 5m, 30m, 2h, 5h, 10h, 14h, 20h, 24h]',
    example: '[5s, 1m]',
  },
  'subscriptions[].disableAfterFailures': {
    what: 'Failures in a row, over a day at least, after which the subscription is disabled.',
    default: '100',
    example: '20',
  },
  'subscriptions[].ackDeadline': {
    what: 'How long a consumer may take before its events are handed out again, unless it asks for another time.',
    default: '60s',
    example: '2m',
  },
  'subscriptions[].maxAttempts': {
    what: 'How often an event is handed out before it is a dead letter.',
    default: '5',
    example: '10',
  },
  'subscriptions[].orderingKey': {
    what: `${TEMPLATE} Events of one key are handed out one after the other.`,
    unset: 'no order',
    example: 'event.subject',
  },
  'subscriptions[].workflow': { what: `The workflow's type. ${TEMPLATE}`, example: `'"bookingSync"'` },
  'subscriptions[].taskQueue': {
    what: `The workflow's task queue. ${TEMPLATE} It is \`own.<tenant>\`, \`own.<tenant>.<name>\`, or one that \`HEADGATE_WORKFLOW_QUEUES\` allows.`,
    example: `'"own.acme"'`,
  },
  'subscriptions[].id': {
    what: `The workflow's id, after \`own/<tenant>/\`. ${TEMPLATE}`,
    example: 'event.subject',
  },
  'subscriptions[].signal': {
    what: `The name of the signal that carries the event. ${TEMPLATE}`,
    example: `'"booking"'`,
  },
} as const satisfies Record<string, KeyText>;
