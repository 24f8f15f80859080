import {
  byKind,
  choice,
  constant,
  duration,
  expression,
  integer,
  listOf,
  mapOf,
  number,
  section,
  text,
  type UsedOf,
} from '../file-schema.js';
import { SUBSCRIPTION_NAME } from '../subscription.js';
import { SECRET, storedNameOf, VALUE } from './secret-reference.js';
import type { YamlPath } from './yaml-document.js';

const MOST = 1_000_000;

/** Of every subscription. */
const SHARED = {
  name: text(SUBSCRIPTION_NAME, {
    what: 'Its name: small letters, digits, `_` and `-`, beginning with a letter. `warehouse`, `eligibility` and `ingest` are taken.',
    example: 'crm',
  }),
  limits: section(
    {
      eventsPerSecond: number({ exclusiveMinimum: 0 }, MOST, {
        what: 'Events delivered per second, by each process.',
        unset: 'no limit',
        example: 200,
      }),
      activitiesPerSecond: number({ exclusiveMinimum: 0 }, MOST, {
        what: 'Batches handed over per second, by all processes.',
        default: 50,
        example: 10,
      }),
    },
    [],
    { what: 'Rates of the subscription.', default: {} },
  ),
  retention: duration('1h', '31 days', {
    what: 'How long its dead letters are kept, and what waits while it is paused.',
    unset: "the tenant's `retention`",
    example: '14 days',
  }),
};

/** Of those that deliver on their own. */
const DELIVERING = {
  maxConcurrency: integer(1, 256, {
    what: 'Requests at once; for workflows, those that are signalled at once.',
    default: 32,
    example: 8,
  }),
  retry: section(
    {
      /** @see the Standard Webhooks specification, section "Retries": three days in ten attempts */
      schedule: listOf(
        duration('0ms', '7 days'),
        { maxItems: 20 },
        {
          what: 'Pauses between attempts. There is one attempt more than pauses, then the event is a dead letter. Each pause gets up to a fifth of jitter.',
          default: ['5s', '5m', '30m', '2h', '5h', '10h', '14h', '20h', '24h'],
          example: ['5s', '1m'],
        },
      ),
    },
    [],
    { what: 'When what has failed is tried again.', default: {} },
  ),
};

/** Whose scheme may be in capitals (RFC 3986, 3.1). What follows it is looked at by {@link pushUrlIssues}. */
const PUSH_URL = '^[Hh][Tt][Tt][Pp][Ss]?://[^\\s]+$';

/** A webhook. @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md */
const PUSH = section(
  {
    kind: constant('push'),
    ...SHARED,
    url: text(
      { pattern: PUSH_URL, problem: 'must be an http or https address', maxLength: 2_048 },
      {
        what: 'Where webhooks are posted to. Plain http and addresses that are not public need `HEADGATE_PUSH_ALLOW`.',
        example: 'https://crm.example/hooks',
      },
    ),
    secret: text(SECRET, {
      what: 'The secret that signs webhooks: `secret:<name>`, one that was made through Headgate, `env:HEADGATE_SECRET_<TENANT>__<NAME>`, or the secret itself, in development. `whsec_…` signs by HMAC-SHA256, `whsk_…` by ed25519.',
      unset: 'unsigned',
      example: 'env:HEADGATE_SECRET_ACME__CRM',
    }),
    secrets: listOf(
      text(SECRET),
      { minItems: 1, maxItems: 5 },
      {
        what: 'Several secrets, all of which sign: for the time in which one is changed.',
        unset: 'none',
        example: ['env:HEADGATE_SECRET_ACME__CRM', 'env:HEADGATE_SECRET_ACME__CRM_NEW'],
      },
    ),
    headers: mapOf(
      text({ minLength: 1, maxLength: 4_096, ...VALUE }),
      { maxProperties: 50 },
      {
        what: 'Further headers of the requests. A value may be `secret:<name>` or `env:HEADGATE_SECRET_<TENANT>__<NAME>`.',
        default: {},
        example: { 'x-api-key': 'env:HEADGATE_SECRET_ACME__CRM_API' },
      },
    ),
    format: choice(['event', 'batch'], {
      what: '`event`: one CloudEvent a request. `batch`: many.',
      default: 'event',
      example: 'batch',
    }),
    maxEvents: integer(1, 1_000, {
      what: 'Events of a request with `format: batch`.',
      default: 100,
      example: 500,
    }),
    timeout: duration('100ms', '60s', {
      what: 'How long an answer may take.',
      default: '15s',
      example: '5s',
    }),
    ...DELIVERING,
    disableAfterFailures: integer(1, MOST, {
      what: 'Failures in a row, over a day at least, after which the subscription is disabled.',
      default: 100,
      example: 20,
    }),
  },
  ['name', 'kind', 'url'],
);

const PULL = section(
  {
    kind: constant('pull'),
    ...SHARED,
    ackDeadline: duration('10s', '10m', {
      what: 'How long a consumer may take before its events are handed out again, unless it asks for another time.',
      default: '60s',
      example: '2m',
    }),
    maxAttempts: integer(5, 100, {
      what: 'How often an event is handed out before it is a dead letter.',
      default: 5,
      example: 10,
    }),
    orderingKey: expression({
      what: 'A text over `event`. Events of one key are handed out one after the other.',
      unset: 'no order',
      example: 'event.subject',
    }),
  },
  ['name', 'kind'],
);

const WORKFLOW = section(
  {
    kind: constant('workflow'),
    ...SHARED,
    workflow: expression({ what: "The workflow's type. A text over `event`.", example: '"bookingSync"' }),
    taskQueue: expression({
      what: "The workflow's task queue. A text over `event`. It is `own.<tenant>`, `own.<tenant>.<name>`, or one that `HEADGATE_WORKFLOW_QUEUES` allows.",
      example: '"own.acme"',
    }),
    id: expression({
      what: "The workflow's id, after `own/<tenant>/`. A text over `event`.",
      example: 'event.subject',
    }),
    signal: expression({
      what: 'The name of the signal that carries the event. A text over `event`.',
      example: '"booking"',
    }),
    ...DELIVERING,
  },
  ['name', 'kind', 'workflow', 'taskQueue', 'id', 'signal'],
);

const SUBSCRIPTION = byKind(
  [PUSH, PULL, WORKFLOW],
  {
    what: '`push` posts webhooks, `pull` lets consumers take events, `workflow` starts or signals workflows of your own.',
    example: 'push',
  },
  { what: 'One subscription. What else it may say depends on its `kind`.' },
);

/** `subscriptions` of a tenant's file. */
export const SUBSCRIPTIONS = listOf(
  SUBSCRIPTION,
  { maxItems: 20 },
  {
    what: 'Who gets events besides the warehouse, each at its own pace. Routes say which events.',
    default: [],
    example: [{ name: 'analytics', kind: 'pull' }],
  },
);

/** A webhook. All secrets sign: that is how one is rotated with overlap. None: it is not signed. */
export type PushConfig = Omit<UsedOf<typeof PUSH>, 'secret' | 'secrets'> & {
  readonly secrets: readonly string[];
};

/** A queue that consumers take from. */
export type PullConfig = UsedOf<typeof PULL>;

/** Events that start or signal workflows of the tenant's own; never two signals at once to one workflow id. */
export type WorkflowConfig = UsedOf<typeof WORKFLOW>;

/** Where events of a tenant go besides its warehouse and its rules. */
export type SubscriptionConfig = PushConfig | PullConfig | WorkflowConfig;

/** How often, and how fast, a failed delivery is tried again. */
export type RetryPolicy = PushConfig['retry'];

/** What no default says: a webhook's secrets are one list. */
export function completeSubscription(used: UsedOf<typeof SUBSCRIPTION>): SubscriptionConfig {
  if (used.kind !== 'push') return used;
  const { secret, secrets = [], ...others } = used;
  return { ...others, secrets: secret === undefined ? secrets : [secret, ...secrets] };
}

/** The names of the secrets made through Headgate that a subscription refers to. */
export function storedSecretsOf(subscription: SubscriptionConfig): string[] {
  if (subscription.kind !== 'push') return [];
  const values = [...subscription.secrets, ...Object.values(subscription.headers)];
  return values.flatMap((value) => storedNameOf(value) ?? []);
}

/** An address that is none, and where it stands. */
interface PushUrlIssue {
  readonly path: YamlPath;
  readonly message: string;
}

/** Looks for webhooks whose address has the form of one and is none: a port beyond 65535, brackets that are open, a host that cannot be. */
export function pushUrlIssues(raw: unknown): PushUrlIssue[] {
  const { subscriptions } = (raw ?? {}) as { subscriptions?: unknown };
  const all: unknown[] = Array.isArray(subscriptions) ? subscriptions : [];
  return all.flatMap((subscription, index) => {
    const { name, url } = (subscription ?? {}) as { name?: unknown; url?: unknown };
    if (typeof url !== 'string' || !new RegExp(PUSH_URL).test(url) || URL.canParse(url)) return [];
    const path = ['subscriptions', index, 'url'];
    // The address itself may hold a secret.
    const message = `the url of the subscription "${String(name)}" is not an address that can be reached: look at its host and port`;
    return [{ path, message }];
  });
}
