import { INPUT_STREAMS } from '../events/event.js';
import { choice, expression, listOf, section, text, type UsedOf } from '../tenants/file-schema.js';
import { PRIORITIES, SUBSCRIPTION_NAME } from '../tenants/subscription.js';

const ATTRIBUTE = { minLength: 1, maxLength: 255 };

const MATCH = section(
  {
    type: text(
      {
        // A star at the end alone.
        pattern: '^[^*]*\\*?$',
        problem: 'must be an event type, with a star at its end at most',
        minLength: 1,
        maxLength: 255,
      },
      {
        what: 'The type of the event, or its beginning with a star at the end. Types of derived events begin with `headgate.`, and only a pattern that does matches them.',
        unset: 'every type',
        example: 'booking.*',
      },
    ),
    stream: choice(INPUT_STREAMS, { what: 'The stream of the event.', unset: 'both', example: 'events' }),
    priority: text(ATTRIBUTE, {
      what: "The event's attribute `priority`.",
      unset: 'any',
      example: 'high',
    }),
    stage: text(ATTRIBUTE, { what: "The event's attribute `stage`.", unset: 'any', example: 'live' }),
    when: expression({
      what: 'True or false over `event`. An event on which it fails does not match.',
      unset: 'every event',
      example: 'event.data.amount > 1000',
    }),
  },
  [],
  { what: 'Which events it is for. All that is said must be so; `{}` is every event.' },
);

const ROUTE = section(
  {
    match: MATCH,
    to: listOf(
      text(SUBSCRIPTION_NAME),
      { minItems: 1, maxItems: 20, uniqueItems: true },
      { what: 'Names of subscriptions of this file.', example: ['crm'] },
    ),
    priority: choice(PRIORITIES, {
      what: 'The priority of these events for these subscriptions.',
      unset: "the event's own, if it is `high`, `normal` or `low`; else `normal`",
      example: 'high',
    }),
  },
  ['match', 'to'],
  { what: 'One route.' },
);

/** `routes` of a tenant's file. */
export const ROUTES = listOf(
  ROUTE,
  { maxItems: 1_000 },
  {
    what: 'Which events go to which subscriptions. They are looked at in order; all that match count.',
    default: [],
    example: [{ match: { type: 'booking.*' }, to: ['crm'] }],
  },
);

/** Which events go where. */
export type RouteConfig = UsedOf<typeof ROUTE>;
