import { Type } from '@sinclair/typebox';
import { INPUT_STREAMS, STREAMS } from '../../events/event.js';
import { DEAD_REASONS } from '../../workflows/messages/deliveries.js';
import { choice, closed, count, moment } from '../../platform/json-schema.js';

/** How far a workflow is. */
export const WORKFLOW = closed(
  {
    workflowId: Type.String(),
    runId: Type.String(),
    status: Type.String({
      description: "Temporal's status in lower case: `running`, `completed`, `failed`.",
    }),
    startedAt: moment('When it was started.'),
    closedAt: Type.Optional(moment('When it ended.')),
    url: Type.Optional(Type.String({ description: 'Its page in the Temporal UI, where one is known.' })),
  },
  { title: 'Workflow', description: 'A workflow of Temporal.' },
);

/** Any stream. */
export const STREAM = choice(STREAMS as readonly ['events', 'user-properties', 'decisions']);

const LOAD = closed(
  {
    workflow: WORKFLOW,
    loads: Type.Array(
      closed({
        stream: STREAM,
        loadId: Type.String(),
        file: Type.Optional(
          Type.String({ description: "The file, relative to the tenant's part of the warehouse." }),
        ),
        alreadyHeld: Type.Boolean({ description: 'The warehouse held the batch before this load.' }),
      }),
      { description: 'The loads that hold the batch and its decisions; empty until they are loaded.' },
    ),
  },
  { title: 'BatchLoad', description: 'How the batch and its decisions got into the warehouse.' },
);

const DELIVERY = closed(
  {
    subscription: Type.String(),
    of: choice(['events', 'decisions']),
    priority: choice(['high', 'normal', 'low']),
    state: choice(['running', 'delivered', 'dead-lettered', 'ended', 'unknown'], {
      description:
        '`running`: some events are on their way, or wait. `delivered`: all are. `dead-lettered`: it is through, and some became dead letters. `ended`: its workflow was ended by hand. `unknown`: it is older than Temporal keeps histories.',
    }),
    events: count('Events that are to be delivered.'),
    delivered: Type.Optional(
      count('Those that are. This and the next three are absent while nobody can tell.'),
    ),
    deadLettered: Type.Optional(count('Those that became dead letters.')),
    passes: Type.Optional(count('How often what was pending was tried.')),
    pending: Type.Optional(
      Type.Array(
        closed({
          attempts: count('Attempts so far.'),
          count: count('Events with so many.'),
          dueAt: Type.Optional(moment('When they are tried again.')),
        }),
      ),
    ),
    deadLetters: Type.Array(
      closed({
        id: Type.String(),
        reason: choice(DEAD_REASONS),
        count: count('Events in it.'),
        attempts: count('Attempts that were made.'),
        status: Type.String({
          description: '`dead-letter` while it waits, or `redriven`, `discarded`, `expired`, `ended`.',
        }),
      }),
      { description: 'The first 20 of them.' },
    ),
    workflow: Type.Optional(WORKFLOW),
  },
  { title: 'BatchDelivery', description: 'What one subscription got of the batch.' },
);

/** What became of a batch. */
export const BATCH = closed(
  {
    batchId: Type.String(),
    tenant: Type.String(),
    stream: choice(INPUT_STREAMS),
    workflow: WORKFLOW,
    decisions: Type.Optional(
      closed(
        {
          evaluated: count('Evaluations of rules.'),
          eligible: Type.Record(Type.String(), Type.Integer(), {
            description: 'Of them the eligible ones, by rule.',
          }),
        },
        { description: 'Absent until the workflow of the batch has ended, as are the next two.' },
      ),
    ),
    load: Type.Optional(LOAD),
    deliveries: Type.Optional(
      Type.Array(DELIVERY, { description: 'Absent as well where no route has matched.' }),
    ),
  },
  { title: 'Batch', description: 'The receipt of a batch.' },
);
