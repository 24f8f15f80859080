import { INPUT_STREAMS } from '../../events/event.js';
import {
  choice,
  closed,
  count,
  flag,
  integer,
  list,
  moment,
  optional,
  text,
} from '../../platform/json-schema.js';
import { DEAD_REASONS } from '../../workflows/messages/deliveries.js';
import { LOAD, WORKFLOW } from './batches.js';
import { ATTEMPT_MEMBERS, BY, time } from './dead-letters.js';

const ATTRIBUTE = { minLength: 1, maxLength: 1_000 };

/** Path parameter: an event's id. */
export const EVENT_ID = text({
  ...ATTRIBUTE,
  description: "The event's `id`, as its producer wrote it, percent-encoded.",
  examples: ['order-1'],
});

/** Query of one id. */
export const EVENT_QUERY = closed({
  source: optional(text({ ...ATTRIBUTE, description: 'Of this `source` alone.' })),
  stream: optional(choice(INPUT_STREAMS, { description: 'Of this stream alone.' })),
});

/** Query of a list. */
export const EVENTS_QUERY = closed({
  subject: text({ ...ATTRIBUTE, description: 'Events with this `subject`.' }),
  from: optional(time('Received then or later.')),
  to: optional(time('Received before.')),
  limit: integer({ minimum: 1, maximum: 200, default: 50, description: 'Most events.' }),
  pageToken: optional(
    text({
      minLength: 1,
      maxLength: 200,
      description: '`nextPageToken` of the page before, with the same subject and times.',
    }),
  ),
});

const FROM = optional(
  text({ description: 'The first day of which batches are kept; absent where none are.' }),
);

/** Where was looked for an event that was not found. */
export const SEARCHED_PERIOD = optional(closed({ from: FROM, to: moment('When it was looked.') }));

const SEARCHED = closed(
  {
    from: FROM,
    to: moment('When it was looked.'),
    complete: flag({ description: 'False where there was more than one request looks at.' }),
    batchesLeft: optional(count('Batches that were not looked at: they are not indexed yet.')),
    waitingEventsLeft: optional(count('Events in the spool that were not looked at.')),
  },
  { title: 'Searched', description: 'Where was looked.' },
);

const SUMMARY = {
  id: text(),
  source: text(),
  stream: choice(INPUT_STREAMS),
  type: text(),
  subject: optional(text()),
  time: text({ description: 'As the producer wrote it.' }),
  receivedAt: moment('When Headgate took it.'),
  state: choice(['accepted', 'batched'], {
    description: '`accepted`: it is on disk, and in no batch yet that Temporal has.',
  }),
  batchId: optional(text({ description: 'Absent while it is in no batch.' })),
};

const ATTEMPT = closed(
  {
    ...ATTEMPT_MEMBERS,
    cause: optional(
      text({ description: 'The redrive or replay that made it; absent for the first delivery.' }),
    ),
  },
  { title: 'EventAttempt' },
);

const DEAD_LETTER = closed(
  {
    id: text({ description: 'By which it is shown, redriven and discarded.' }),
    reason: choice(DEAD_REASONS),
    detail: text(),
    attempts: count('Attempts that were made.'),
    status: choice(['dead-letter', 'redriven', 'discarded', 'expired', 'ended'], {
      description: '`dead-letter` while it waits.',
    }),
    by: optional(BY),
  },
  { title: 'EventDeadLetter', description: 'A dead letter that holds the event.' },
);

const DELIVERY = closed(
  {
    subscription: text(),
    of: choice(['events', 'decisions'], {
      description: '`decisions`: what is delivered is the event derived from a decision on it.',
    }),
    priority: choice(['high', 'normal', 'low']),
    state: choice(
      ['running', 'delivered', 'dead-lettered', 'redriven', 'discarded', 'expired', 'ended', 'unknown'],
      {
        description:
          '`redriven`, `discarded` and `expired` are what became of its dead letter. `unknown`: it is older than Temporal keeps histories.',
      },
    ),
    attempts: list(ATTEMPT, { description: 'The last 20, the oldest first; with those of redrives.' }),
    deadLetters: list(DEAD_LETTER),
    workflow: optional(WORKFLOW),
  },
  { title: 'EventDelivery', description: 'What one subscription got of it.' },
);

const STORY = closed(
  {
    ...SUMMARY,
    line: optional(count('Its line in the batch, from 0.')),
    workflow: optional(WORKFLOW),
    decisions: optional(
      list(
        closed({
          rule: text(),
          ruleVersion: text(),
          outcome: choice(['eligible', 'ineligible']),
          reason: text(),
        }),
        { description: 'What was decided on it.' },
      ),
    ),
    load: optional(LOAD),
    deliveries: optional(
      list(DELIVERY, { description: 'Absent until its batch has ended, and where no route has matched.' }),
    ),
  },
  { title: 'EventStory', description: 'What became of an event.' },
);

/** What became of the events of an id. */
export const EVENT_STORIES = closed(
  {
    events: list(STORY, {
      description: 'The newest first, five at most: an id may have been sent by several sources.',
    }),
    more: optional(count('Events of this id that there was no room for: say `source` or `stream`.')),
    searched: SEARCHED,
  },
  { title: 'EventStories' },
);

/** A page of events. */
export const EVENT_PAGE = closed(
  {
    events: list(closed(SUMMARY, { title: 'EventSummary' }), {
      description:
        'The newest batches first; on the first page, those in no batch yet. There may be fewer than `limit`, or none, and still a next page.',
    }),
    nextPageToken: optional(text({ description: 'Absent on the last page.' })),
    searched: SEARCHED,
  },
  { title: 'EventPage' },
);
