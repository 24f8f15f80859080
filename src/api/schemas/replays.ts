import {
  raw,
  text,
  integer,
  number,
  flag,
  literal,
  choice,
  list,
  either,
  optional,
  closed,
  count,
  moment,
} from '../../platform/json-schema.js';
import { INPUT_STREAMS } from '../../events/event.js';
import { OUTCOME } from './decisions.js';

/** Path parameter: a replay's id. */
export const REPLAY_ID = text({
  description: "A replay's id, as its start has answered it.",
  examples: ['20240310t120000-0123abcd'],
});

/** How far back replay reaches. */
export const REACH = closed(
  {
    retentionMs: number({ description: 'How long batches are kept, in milliseconds.' }),
    keptSince: optional(
      text({
        description: 'Receipt of the oldest event that is kept, RFC 3339; absent while none is.',
      }),
    ),
    deletedThrough: optional(
      text({
        description:
          'The last day (`YYYY-MM-DD`) up to which batches have been deleted; absent while none have.',
      }),
    ),
  },
  { title: 'Reach', description: 'How far back replay reaches.' },
);

const subscription = text();

const SUMMARY = {
  id: text(),
  status: text({
    description: "Temporal's status in lower case: `running`, `completed`, `failed`, `cancelled`.",
  }),
  dryRun: flag(),
  task: either(
    [
      closed({ kind: literal('deliver'), subscription: optional(subscription) }),
      closed({ kind: literal('fill'), subscription }),
      closed({ kind: literal('decide'), applyCurrent: optional(raw<true>({ type: 'boolean' })) }),
    ],
    { description: 'What is done with the events.' },
  ),
  range: closed({
    from: moment('Included.'),
    to: moment('Not included.'),
    by: choice(['receipt', 'event-time']),
    stream: optional(choice(INPUT_STREAMS)),
    types: optional(list(text())),
  }),
  version: text({ description: "The version of the tenant's configuration whose rules decide." }),
  eventsPerSecond: number(),
  requestedAt: moment('When it was asked for.'),
  closedAt: optional(moment('When it ended.')),
  workflowId: text(),
};

/** A replay in the list. */
export const REPLAY_SUMMARY = closed(SUMMARY, { title: 'Replay' });

/** The latest replays. */
export const REPLAY_LIST = closed({
  replays: list(REPLAY_SUMMARY, { description: 'The latest 100, newest first.' }),
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
    node: text({ description: "The spool's name in batch ids." }),
    code: choice(['events-in-spool', 'spool-away']),
    message: text(),
    events: optional(count('How many, at most; absent where that is not known.')),
    oldestReceipt: optional(moment('Receipt of the oldest of them.')),
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
    waitsFor: optional(list(UNBATCHED)),
    files: optional(
      closed({ done: count('Batch files looked at.'), total: count('Batch files there are.') }),
    ),
  },
  { title: 'ReplayProgress' },
);

const OUTCOMES = closed({ eligible: integer(), ineligible: integer() });
const JUDGED = closed({ outcome: OUTCOME, reason: text(), ruleVersion: text() });
const SAMPLE = closed(
  {
    eventId: text(),
    eventSource: optional(text()),
    subject: either([text(), raw<null>({ type: 'null' })]),
    time: text({ description: "The event's time, RFC 3339." }),
    recorded: JUDGED,
    now: JUDGED,
  },
  { title: 'DecisionSample' },
);

const RULE = closed(
  {
    rule: text(),
    ruleVersion: optional(
      text({
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
      { newlyEligible: list(SAMPLE), noLongerEligible: list(SAMPLE) },
      { description: 'The first ten of those that changed, each way.' },
    ),
  },
  { title: 'RuleDifference' },
);

const REPORT = closed(
  {
    ...COUNTS,
    dryRun: flag(),
    seconds: number({ description: 'From the request to the end.' }),
    warmUpEvents: optional(count('Events read before the range, to know what was known then.')),
    rules: optional(list(RULE)),
    applied: optional(
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
    wouldDeliver: optional(
      list(closed({ subscription, events: count('Events that would be delivered.') }), {
        description: 'Dry run.',
      }),
    ),
    unbatched: optional(list(UNBATCHED)),
    notes: list(text()),
  },
  { title: 'ReplayReport' },
);

/** A replay with how far it is, or what it has come to. */
export const REPLAY_VIEW = closed(
  {
    ...SUMMARY,
    progress: optional(PROGRESS),
    report: optional(REPORT),
    error: optional(closed({ code: text(), message: text() }, { description: 'Why it failed.' })),
    url: optional(text({ description: 'Its page in the Temporal UI, where one is known.' })),
  },
  { title: 'ReplayDetails' },
);

/** A replay that was asked to stop. */
export const REPLAY_CANCELLED = closed({ id: text(), status: literal('cancelling') });
