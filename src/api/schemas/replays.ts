import { Type } from '@sinclair/typebox';
import { INPUT_STREAMS } from '../../events/event.js';
import { OUTCOME } from './decisions.js';
import { choice, closed, count, moment } from '../../platform/json-schema.js';

/** Path parameter: a replay's id. */
export const REPLAY_ID = Type.String({
  description: "A replay's id, as its start has answered it.",
  examples: ['20240310t120000-0123abcd'],
});

/** How far back replay reaches. */
export const REACH = closed(
  {
    retentionMs: Type.Number({ description: 'How long batches are kept, in milliseconds.' }),
    keptSince: Type.Optional(
      Type.String({
        description: 'Receipt of the oldest event that is kept, RFC 3339; absent while none is.',
      }),
    ),
    deletedThrough: Type.Optional(
      Type.String({
        description:
          'The last day (`YYYY-MM-DD`) up to which batches have been deleted; absent while none have.',
      }),
    ),
  },
  { title: 'Reach', description: 'How far back replay reaches.' },
);

const subscription = Type.String();

const SUMMARY = {
  id: Type.String(),
  status: Type.String({
    description: "Temporal's status in lower case: `running`, `completed`, `failed`, `cancelled`.",
  }),
  dryRun: Type.Boolean(),
  task: Type.Union(
    [
      closed({ kind: Type.Literal('deliver'), subscription: Type.Optional(subscription) }),
      closed({ kind: Type.Literal('fill'), subscription }),
      closed({ kind: Type.Literal('decide'), applyCurrent: Type.Optional(Type.Literal(true)) }),
    ],
    { description: 'What is done with the events.' },
  ),
  range: closed({
    from: moment('Included.'),
    to: moment('Not included.'),
    by: choice(['receipt', 'event-time']),
    stream: Type.Optional(choice(INPUT_STREAMS)),
    types: Type.Optional(Type.Array(Type.String())),
  }),
  version: Type.String({ description: "The version of the tenant's configuration whose rules decide." }),
  eventsPerSecond: Type.Number(),
  requestedAt: moment('When it was asked for.'),
  closedAt: Type.Optional(moment('When it ended.')),
  workflowId: Type.String(),
};

/** A replay in the list. */
export const REPLAY_SUMMARY = closed(SUMMARY, { title: 'Replay' });

/** The latest replays. */
export const REPLAY_LIST = closed({
  replays: Type.Array(REPLAY_SUMMARY, { description: 'The latest 100, newest first.' }),
  reach: REACH,
});

const COUNTS = {
  batches: count('Batches with events of the range.'),
  events: count('Events of the range.'),
  matched: count('Events given to subscriptions, each counted once per subscription; or decisions made.'),
  deliveries: count('Deliveries started: one per batch and subscription.'),
  decisions: count('Decisions recorded that were not recorded before.'),
  skipped: count('Batches that could not be read any more, and events that have passed too many stages.'),
  bytes: count('Bytes of the gzipped files read.'),
};

const UNBATCHED = closed(
  {
    node: Type.String({ description: "The spool's name in batch ids." }),
    code: choice(['events-in-spool', 'spool-away']),
    message: Type.String(),
    events: Type.Optional(count('How many, at most; absent where that is not known.')),
    oldestReceipt: Type.Optional(moment('Receipt of the oldest of them.')),
  },
  { title: 'UnbatchedEvents', description: 'Acknowledged events that are in no batch yet.' },
);

const PROGRESS = closed(
  {
    ...COUNTS,
    phase: choice(['batching', 'waiting', 'warm-up', 'range', 'applying'], {
      description:
        '`batching`: events of the range are in no batch yet, see `waitsFor`. `waiting`: for the memory of another replay. `warm-up`: reads what came before the range. `applying`: makes decisions current.',
    }),
    waitsFor: Type.Optional(Type.Array(UNBATCHED)),
    files: Type.Optional(
      closed({ done: count('Batch files looked at.'), total: count('Batch files there are.') }),
    ),
  },
  { title: 'ReplayProgress' },
);

const OUTCOMES = closed({ eligible: Type.Integer(), ineligible: Type.Integer() });
const JUDGED = closed({ outcome: OUTCOME, reason: Type.String(), ruleVersion: Type.String() });
const SAMPLE = closed(
  {
    eventId: Type.String(),
    eventSource: Type.Optional(Type.String()),
    subject: Type.Union([Type.String(), Type.Null()]),
    time: Type.String({ description: "The event's time, RFC 3339." }),
    recorded: JUDGED,
    now: JUDGED,
  },
  { title: 'DecisionSample' },
);

const RULE = closed(
  {
    rule: Type.String(),
    ruleVersion: Type.Optional(
      Type.String({
        description: 'The chosen version; absent where the chosen configuration lacks the rule.',
      }),
    ),
    evaluated: count('Decisions made now.'),
    recorded: OUTCOMES,
    now: OUTCOMES,
    newlyEligible: count('Recorded as ineligible, eligible now.'),
    noLongerEligible: count('Recorded as eligible, ineligible now.'),
    notRecordedBefore: count('Made now, but not when the event came.'),
    notMadeNow: count('Recorded, but not made now.'),
    samples: closed(
      { newlyEligible: Type.Array(SAMPLE), noLongerEligible: Type.Array(SAMPLE) },
      { description: 'The first ten of those that changed, each way.' },
    ),
  },
  { title: 'RuleDifference' },
);

const REPORT = closed(
  {
    ...COUNTS,
    dryRun: Type.Boolean(),
    seconds: Type.Number({ description: 'From the request to the end.' }),
    warmUpEvents: Type.Optional(count('Events read before the range, to know what was known then.')),
    rules: Type.Optional(Type.Array(RULE)),
    applied: Type.Optional(
      closed(
        {
          madeCurrent: count('Decisions that became current.'),
          alreadyCurrent: count(
            'The current decision was on the same event, by the same version of the rule.',
          ),
          older: count('Passed over: the current decision is on a later event.'),
          ruleChanged: count('Passed over: the rule is not in force any more, or in another version.'),
        },
        { description: 'With `applyCurrent`.' },
      ),
    ),
    wouldDeliver: Type.Optional(
      Type.Array(closed({ subscription, events: count('Events that would be delivered.') }), {
        description: 'Dry run.',
      }),
    ),
    unbatched: Type.Optional(Type.Array(UNBATCHED)),
    notes: Type.Array(Type.String()),
  },
  { title: 'ReplayReport' },
);

/** A replay with how far it is, or what it has come to. */
export const REPLAY_VIEW = closed(
  {
    ...SUMMARY,
    progress: Type.Optional(PROGRESS),
    report: Type.Optional(REPORT),
    error: Type.Optional(
      closed({ code: Type.String(), message: Type.String() }, { description: 'Why it failed.' }),
    ),
    url: Type.Optional(Type.String({ description: 'Its page in the Temporal UI, where one is known.' })),
  },
  { title: 'ReplayDetails' },
);

/** A replay that was asked to stop. */
export const REPLAY_CANCELLED = closed({ id: Type.String(), status: Type.Literal('cancelling') });
