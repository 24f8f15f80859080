import {
  choice,
  closed,
  count,
  integer,
  list,
  moment,
  number,
  optional,
  text,
} from '../../platform/json-schema.js';
import { SUBSCRIPTION_STATES } from './subscriptions.js';

const rate = (description: string) => number({ description, minimum: 0 });
const wait = (description: string) => number({ description: `Seconds. ${description}`, minimum: 0 });

const MEASURED = {
  acceptedEvents: rate('Events accepted, a second.'),
  decided: rate('Rules evaluated, a second.'),
  loaded: rate('Rows loaded into the warehouse, a second.'),
  delivered: rate('Events that subscriptions have confirmed, a second.'),
  failed: rate('Tries to deliver an event that failed, a second.'),
  spoolSeconds: wait('For how long the oldest event waits to become a batch.'),
  loadSeconds: wait('For how long the oldest load window waits.'),
  deliverySeconds: wait('For how long the oldest batch waits to be delivered, of all subscriptions.'),
};

const SUBSCRIPTION = closed(
  {
    name: text(),
    state: choice(SUBSCRIPTION_STATES),
    reason: optional(text()),
    failing: optional(
      closed({ since: moment('Since when.'), lastError: text(), lastErrorAt: moment('Of the last try.') }),
    ),
    batches: count('Batches on their way to it; of the warehouse, load windows.'),
    events: optional(count('Events of those batches.')),
    oldestSeconds: wait('For how long the oldest of them waits.'),
  },
  { title: 'SubscriptionActivity' },
);

const TENANT = closed(
  { tenant: text(), failing: count('Subscriptions that fail, or that Headgate has stopped.'), ...MEASURED },
  { title: 'TenantActivity' },
);

/** What goes on. */
export const ACTIVITY = closed(
  {
    at: moment('When this was answered.'),
    lookedAt: optional(
      moment('When Temporal was asked about subscriptions; absent while that is not known.'),
    ),
    everySeconds: number({ description: 'Between two samples.', minimum: 0 }),
    samples: list(
      closed(
        { at: number({ description: 'Seconds since 1970.' }), ...MEASURED },
        { title: 'ActivitySample' },
      ),
      {
        description:
          'Of the last half hour, the oldest first; of the tenant, or of all that an operator reaches.',
      },
    ),
    subscriptions: optional(list(SUBSCRIPTION, { description: 'Those of the tenant.' })),
    tenants: optional(
      list(TENANT, {
        description: 'For an operator that names none: at most 100, the busiest and the slowest.',
      }),
    ),
  },
  { title: 'Activity' },
);

/** Query of the stream. */
export const STREAM_QUERY = closed({
  seconds: integer({
    minimum: 0,
    maximum: 3_600,
    default: 0,
    description: 'How long it goes on. 0: until what is known now has been sent.',
  }),
});
