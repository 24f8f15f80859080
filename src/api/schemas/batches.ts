import {
  text,
  integer,
  flag,
  choice,
  list,
  map,
  optional,
  closed,
  count,
  moment,
} from '../../platform/json-schema.js';
import { INPUT_STREAMS, STREAMS } from '../../events/event.js';
import { DEAD_REASONS } from '../../workflows/messages/deliveries.js';

/** How far a workflow is. */
export const WORKFLOW = closed(
  {
    workflowId: text(),
    runId: text(),
    status: text({
      description: "Temporal's status in lower case: `running`, `completed`, `failed`.",
    }),
    startedAt: moment('When it was started.'),
    closedAt: optional(moment('When it ended.')),
    url: optional(text({ description: 'Its page in the Temporal UI, where one is known.' })),
  },
  { title: 'Workflow', description: 'A workflow of Temporal.' },
);

/** Any stream. */
export const STREAM = choice(STREAMS as readonly ['events', 'user-properties', 'decisions']);

/** How a batch got into the warehouse. */
export const LOAD = closed(
  {
    workflow: WORKFLOW,
    loads: list(
      closed({
        stream: STREAM,
        loadId: text(),
        file: optional(text({ description: "The file, relative to the tenant's part of the warehouse." })),
        alreadyHeld: flag({ description: 'The warehouse held the batch before this load.' }),
      }),
      { description: 'The loads that hold the batch and its decisions; empty until they are loaded.' },
    ),
  },
  { title: 'BatchLoad', description: 'How the batch and its decisions got into the warehouse.' },
);

const DELIVERY = closed(
  {
    subscription: text(),
    of: choice(['events', 'decisions']),
    priority: choice(['high', 'normal', 'low']),
    state: choice(['running', 'delivered', 'dead-lettered', 'ended', 'unknown'], {
      description:
        '`running`: some events are on their way, or wait. `delivered`: all are. `dead-lettered`: it is through, and some became dead letters. `ended`: its workflow was ended by hand. `unknown`: it is older than Temporal keeps histories.',
    }),
    events: count('Events that are to be delivered.'),
    delivered: optional(count('Those that are. This and the next three are absent while nobody can tell.')),
    deadLettered: optional(count('Those that became dead letters.')),
    passes: optional(count('How often what was pending was tried.')),
    pending: optional(
      list(
        closed({
          attempts: count('Attempts so far.'),
          count: count('Events with this number of attempts.'),
          dueAt: optional(moment('When they are tried again.')),
        }),
      ),
    ),
    deadLetters: list(
      closed({
        id: text(),
        reason: choice(DEAD_REASONS),
        count: count('Events in it.'),
        attempts: count('Attempts that were made.'),
        status: text({
          description: '`dead-letter` while it waits, or `redriven`, `discarded`, `expired`, `ended`.',
        }),
      }),
      { description: 'The first 20 of them.' },
    ),
    workflow: optional(WORKFLOW),
  },
  { title: 'BatchDelivery', description: 'What one subscription got of the batch.' },
);

/** What became of a batch. */
export const BATCH = closed(
  {
    batchId: text(),
    tenant: text(),
    stream: choice(INPUT_STREAMS),
    workflow: WORKFLOW,
    decisions: optional(
      closed(
        {
          evaluated: count('Evaluations of rules.'),
          eligible: map(integer(), {
            description: 'Of them the eligible ones, by rule.',
          }),
        },
        { description: 'Absent until the workflow of the batch has ended, as are the next two.' },
      ),
    ),
    load: optional(LOAD),
    deliveries: optional(list(DELIVERY, { description: 'Absent as well where no route has matched.' })),
  },
  { title: 'Batch', description: 'The receipt of a batch.' },
);
