import { text, number, choice, list, optional, closed, count, moment } from '../../platform/json-schema.js';

/** Path parameter: a subscription's name. */
export const SUBSCRIPTION_NAME = text({
  description: "A subscription's name, as in the tenant's file.",
  pattern: '^[a-z][a-z0-9_-]{0,62}$',
  examples: ['crm'],
});

/** How a subscription may stand. */
export const SUBSCRIPTION_STATES = ['active', 'paused', 'draining', 'disabled', 'breaker-open'] as const;

const STATUS = {
  state: choice(SUBSCRIPTION_STATES, {
    description:
      '`active`: takes and delivers events. `paused` by somebody: takes events, which wait. `draining`: takes no new events, delivers what waits. `disabled` by Headgate: as paused, until it is resumed. `breaker-open`: its endpoint fails; one batch at a time is tried, rarely.',
  }),
  reason: optional(text({ description: 'Why, in words; absent while it is active.' })),
  by: optional(
    text({
      description: 'The subject of a token, `headgate` itself, or `unknown` for a rate that was set by hand.',
    }),
  ),
  since: optional(moment('Since when.')),
};

const OVERVIEW = {
  name: text(),
  kind: choice(['push', 'pull', 'workflow', 'warehouse', 'eligibility']),
  url: optional(text({ description: 'Of a webhook, without user, password and query.' })),
  queue: optional(text({ description: 'Its task queue, as the Temporal UI shows it.' })),
  ...STATUS,
  waiting: closed(
    {
      batches: optional(count('Batches on their way to it.')),
      events: optional(count('Events of those batches; one that is delivered in part counts as a whole.')),
      windows: optional(count('Of the warehouse instead: load windows that have not loaded.')),
      oldestSeconds: number({ description: 'For how long the oldest of it has waited.' }),
    },
    { description: 'How far it is behind.' },
  ),
  failing: optional(
    closed(
      {
        since: moment('When the first try failed since the last one that did not.'),
        lastError: text(),
        lastErrorAt: moment('When the last try failed.'),
      },
      { description: 'There while what it is given fails, whatever its state.' },
    ),
  ),
  slow: optional(
    closed(
      {
        since: moment('Since when.'),
        seconds: number({ description: 'What a try took on average.', minimum: 0 }),
        at: moment('When that was noted.'),
      },
      { description: 'There while its tries take long though they do not fail.' },
    ),
  ),
  expensive: optional(
    closed(
      {
        since: moment('Since when.'),
        cores: number({ description: 'Seconds of CPU time in a second, of one process.', minimum: 0 }),
        at: moment('When that was noted.'),
      },
      { description: 'There while it takes far more CPU time than the others.' },
    ),
  ),
};

/** A subscription in the list. */
const SUBSCRIPTION = closed(OVERVIEW, { title: 'Subscription' });

/** All subscriptions of a tenant. */
export const SUBSCRIPTIONS = closed({
  subscriptions: list(SUBSCRIPTION, {
    description: "The built-in ones, then the others in the order of the tenant's file.",
  }),
});

/** One subscription, looked at closely. */
export const SUBSCRIPTION_DETAILS = closed(
  {
    ...OVERVIEW,
    deliveries: count('Batches on their way to it, those between attempts included; may lag a second.'),
    deadLetters: count('Dead letters that wait.'),
  },
  { title: 'SubscriptionDetails' },
);

/** A subscription that was changed. */
export const SUBSCRIPTION_CHANGED = closed({ name: text(), ...STATUS }, { title: 'SubscriptionChanged' });

/** Body of pause, resume and drain. */
export const CHANGE_BODY = closed(
  { reason: optional(text({ maxLength: 500, description: 'Why; shown with the state.' })) },
  { title: 'SubscriptionChange' },
);

/** A test event that is on its way. */
export const TEST_EVENT_SENT = closed(
  {
    eventId: text({ description: 'For `/v1/events/{id}`.' }),
    batchId: text({ description: 'For `/v1/batches/{id}`, which says what becomes of it.' }),
  },
  { title: 'TestEventSent' },
);
