import { choice, closed, count, list, number, optional, text } from '../../platform/json-schema.js';
import { GROUPINGS } from '../../usage/report.js';

const day = (description: string) =>
  text({ description, pattern: '^\\d{4}-\\d{2}-\\d{2}$', examples: ['2024-03-10'] });

/** Query of a report. */
export const USAGE_QUERY = closed({
  from: optional(day('The first day, UTC. Default: the first of the month of `to`.')),
  to: optional(day('The last day, UTC. Default: today.')),
  by: choice(GROUPINGS, { description: 'What the rows are of.', default: 'day' }),
});

const FIGURES = {
  events: count('Events that were acknowledged.'),
  bytesIn: count('Their bytes, as NDJSON.'),
  storedBytes: count('Bytes of the batch files that were written, compressed.'),
  decisions: count('Rules evaluated on events.'),
  loadedRows: count('Rows loaded into the warehouse.'),
  deliveredEvents: count('Events that a subscription has confirmed.'),
  deliveryAttempts: count('Tries to deliver an event, those that failed too.'),
  activitySeconds: number({ description: 'Time that activities took.', minimum: 0 }),
  cpuSeconds: number({
    description: "CPU time of Headgate's processes, shared out by the work that was done.",
    minimum: 0,
  }),
  workflows: count('Workflows started.'),
  actions: count('Actions of Temporal, as Temporal Cloud counts them.'),
  cost: optional(
    text({
      description: 'By the prices of now, exactly: a decimal. Absent where there are none.',
      examples: ['1.5032'],
    }),
  ),
};

/** What a tenant has used. */
export const USAGE = closed(
  {
    tenant: optional(text({ description: 'Absent where it is about all that an operator reaches.' })),
    from: day('The first day.'),
    to: day('The last day.'),
    by: choice(GROUPINGS),
    currency: optional(text({ description: 'Of the costs, ISO 4217.', examples: ['EUR'] })),
    rows: list(
      closed(
        {
          day: optional(text({ description: 'By day.' })),
          tenant: optional(text({ description: 'By tenant.' })),
          stream: optional(text({ description: 'By stream; absent of what belongs to none.' })),
          subscription: optional(
            text({
              description: 'By subscription; absent of what belongs to none, such as ingest and loads.',
            }),
          ),
          ...FIGURES,
        },
        { title: 'UsageRow' },
      ),
    ),
    total: closed(FIGURES, { title: 'UsageTotal' }),
  },
  { title: 'Usage' },
);
