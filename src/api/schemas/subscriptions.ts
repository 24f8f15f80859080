import { Type } from '@sinclair/typebox';
import { choice, closed, count, moment } from '../../platform/json-schema.js';

/** Path parameter: a subscription's name. */
export const SUBSCRIPTION_NAME = Type.String({
  description: "A subscription's name, as in the tenant's file.",
  pattern: '^[a-z][a-z0-9_-]{0,62}$',
  examples: ['crm'],
});

const STANDING = {
  state: choice(['active', 'paused', 'draining', 'disabled', 'breaker-open'], {
    description:
      '`active`: takes and delivers events. `paused` by somebody: takes events, which wait. `draining`: takes no new events, delivers what waits. `disabled` by Headgate: as paused, until it is resumed. `breaker-open`: its endpoint fails; one batch at a time is tried, rarely.',
  }),
  reason: Type.Optional(Type.String({ description: 'Why, in words; absent while it is active.' })),
  by: Type.Optional(
    Type.String({
      description: 'The subject of a token, `headgate` itself, or `unknown` for a rate that was set by hand.',
    }),
  ),
  since: Type.Optional(moment('Since when.')),
};

const OVERVIEW = {
  name: Type.String(),
  kind: choice(['push', 'pull', 'workflow', 'warehouse', 'eligibility']),
  url: Type.Optional(Type.String({ description: 'Of a webhook, without user, password and query.' })),
  queue: Type.Optional(Type.String({ description: 'Its task queue, as the Temporal UI shows it.' })),
  ...STANDING,
  waiting: closed(
    {
      batches: Type.Optional(count('Batches on their way to it.')),
      windows: Type.Optional(count('Of the warehouse instead: load windows that have not loaded.')),
      oldestSeconds: Type.Number({ description: 'For how long the oldest of it has waited.' }),
    },
    { description: 'How far it is behind.' },
  ),
  failing: Type.Optional(
    closed(
      {
        since: moment('When the first try failed since the last one that did not.'),
        lastError: Type.String(),
        lastErrorAt: moment('When the last try failed.'),
      },
      { description: 'There while what it is given fails, whatever its state.' },
    ),
  ),
};

/** A subscription in the list. */
export const SUBSCRIPTION = closed(OVERVIEW, { title: 'Subscription' });

/** All subscriptions of a tenant. */
export const SUBSCRIPTIONS = closed({
  subscriptions: Type.Array(SUBSCRIPTION, {
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
export const SUBSCRIPTION_CHANGED = closed(
  { name: Type.String(), ...STANDING },
  { title: 'SubscriptionState' },
);

/** Body of pause, resume and drain. */
export const CHANGE_BODY = closed(
  { reason: Type.Optional(Type.String({ maxLength: 500, description: 'Why; shown with the state.' })) },
  { title: 'SubscriptionChange' },
);
