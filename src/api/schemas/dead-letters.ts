import {
  raw,
  text,
  integer,
  number,
  flag,
  choice,
  list,
  optional,
  closed,
  count,
  moment,
  type Wire,
} from '../../platform/json-schema.js';
import { DEAD_REASONS } from '../../workflows/messages/deliveries.js';
import { STREAM } from './batches.js';

/** Events let go per second by a redrive or discard of many, unless it says otherwise. */
const EVENTS_PER_SECOND = 1_000;

const TIME_PATTERN = '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,9})?(Z|[+-]\\d\\d:\\d\\d)$';
/** A time that a request names. */
export const time = (description: string) =>
  text({ pattern: TIME_PATTERN, description: `${description} RFC 3339.` });

/** Which dead letters; what is absent is not asked for. */
const FILTER = {
  subscription: optional(text({ pattern: '^[a-z][a-z0-9_-]{0,62}$', description: 'Of this subscription.' })),
  reason: optional(choice(DEAD_REASONS, { description: 'Given up for this reason.' })),
  type: optional(
    text({
      pattern: '^(\\*|[^*\\s]{1,255}\\*?)$',
      description: 'That hold an event of this type, exact or a prefix as `booking.*`.',
    }),
  ),
  from: optional(time('Given up then or later.')),
  to: optional(time('Given up then or earlier.')),
};

/** Path parameter: a dead letter's id. */
export const DEAD_LETTER_ID = text({
  description: 'The id of a dead letter: `<subscription>~<batch>~…`.',
  examples: ['crm~20240310-0123abcd-000000001~attempts-exhausted.1'],
});

/** Path parameter: the id of a redrive or discard of many. */
export const REDRIVE_ID = text({
  description: 'The id of a redrive, or discard, of many.',
  examples: ['5a0c1f0e-6f3c-4c62-9d5e-0c3c3c1a1f4e'],
});

/** Query of an export. */
export const FILTER_QUERY = closed(FILTER);

/** Query of a list. */
export const LIST_QUERY = closed({
  ...FILTER,
  limit: integer({ minimum: 1, maximum: 200, default: 50, description: 'Most dead letters.' }),
  pageToken: optional(
    text({
      minLength: 1,
      maxLength: 2_000,
      description: '`nextPageToken` of the page before, with the same filter.',
    }),
  ),
});

/** Query of one dead letter. */
export const SHOW_QUERY = closed({
  eventsFrom: integer({
    minimum: 0,
    maximum: 10_000_000,
    default: 0,
    description: 'The first event to show, counted from 0.',
  }),
  limit: integer({ minimum: 0, maximum: 200, default: 20, description: 'Most events.' }),
});

const why = text({ minLength: 1, maxLength: 1_000, description: 'Why; kept with the dead letter.' });

/** Body of a redrive. */
export const REDRIVE_BODY = closed({ reason: optional(why) }, { title: 'Redrive' });
/** Body of a discard. */
export const DISCARD_BODY = closed({ reason: why }, { title: 'Discard' });

const MANY = {
  // An empty filter is every dead letter there is; it has to be written, so that none is forgotten.
  filter: closed(FILTER, {
    title: 'DeadLetterFilter',
    description: 'Which dead letters; `{}` is every one there is.',
  }),
  eventsPerSecond: integer({
    minimum: 1,
    maximum: 100_000,
    default: EVENTS_PER_SECOND,
    description: 'Events let go per second, on average.',
  }),
};

/** Body of a redrive of many. */
export const REDRIVE_MANY_BODY = closed({ ...MANY, reason: optional(why) }, { title: 'RedriveMany' });
/** Body of a discard of many. */
export const DISCARD_MANY_BODY = closed({ ...MANY, reason: why }, { title: 'DiscardMany' });

/** A filter as it is written in a query or a body. */
export type WrittenFilter = Wire<typeof FILTER_QUERY>;

const SUMMARY = {
  id: text({ description: 'By which it is shown, redriven and discarded.' }),
  workflowId: text(),
  subscription: text(),
  kind: choice(['push', 'pull', 'workflow', 'ingest', 'warehouse']),
  reason: choice(DEAD_REASONS),
  detail: text({ description: 'What happened to the last of its events, in words.' }),
  attempts: count('Attempts that were made.'),
  count: count('Events in it.'),
  stream: STREAM,
  batchId: text(),
  types: list(text(), { description: 'Event types among them, sorted, the first few.' }),
  firstEvent: text({ description: 'The id of the first.' }),
  lastEvent: text({ description: 'The id of the last.' }),
  parkedAt: moment('When its events were given up.'),
  expiresAt: moment('When they will be for good.'),
  url: optional(text({ description: "Its workflow's page in the Temporal UI, where one is known." })),
};

/** A page of dead letters. */
export const DEAD_LETTER_PAGE = closed(
  {
    deadLetters: list(closed(SUMMARY, { title: 'DeadLetter' }), {
      description: 'The newest first. There may be fewer than `limit`, or none, and still a next page.',
    }),
    nextPageToken: optional(text({ description: 'Absent on the last page.' })),
  },
  { title: 'DeadLetterPage' },
);

/** Who has resolved a dead letter, and why. */
export const BY = closed(
  {
    actor: text({ description: 'The subject of the token.' }),
    reason: optional(text()),
    redrive: optional(
      text({ description: 'The workflow of the redrive or discard of many that this is a part of.' }),
    ),
  },
  { title: 'ResolvedBy' },
);

const RESOLUTION = closed(
  {
    outcome: choice(['redriven', 'discarded', 'expired', 'ended']),
    by: optional(BY),
    delivery: optional(
      closed(
        {
          delivered: count('Events that were delivered.'),
          deadLettered: count('Events that are dead letters again.'),
          passes: count('How often what was pending was tried.'),
          deadLetters: list(text(), { description: 'Workflow ids of the new dead letters.' }),
        },
        { description: 'What came of the redrive, once it is through.' },
      ),
    ),
  },
  { description: 'Who has resolved it, and what came of it.' },
);

const EVENT = raw<unknown>({
  title: 'KeptEvent',
  description: 'An event as batches keep it: extension attributes are in `extensions`.',
  type: 'object',
  required: ['specversion', 'id', 'source', 'type', 'time', 'received_at'],
  properties: {
    specversion: { const: '1.0' },
    id: { type: 'string' },
    source: { type: 'string' },
    type: { type: 'string' },
    time: { type: 'string' },
    subject: { type: 'string' },
    datacontenttype: { type: 'string' },
    dataschema: { type: 'string' },
    priority: { type: 'string' },
    stage: { type: 'string' },
    extensions: {
      type: 'object',
      additionalProperties: { type: ['string', 'number', 'boolean'] },
    },
    data: {},
    data_base64: { type: 'string' },
    received_at: { type: 'string' },
  },
  additionalProperties: false,
});
const EVENT_OR_NULL = raw<unknown>({ anyOf: [EVENT, { type: 'null' }] });

/** What is said of an attempt, beside whose it is. */
export const ATTEMPT_MEMBERS = {
  pass: integer({ description: 'Counts from 1.' }),
  attempt: integer({ description: 'Counts from 1.' }),
  outcome: choice(['delivered', 'failed']),
  at: moment('When it ended.'),
  status: optional(integer({ description: 'HTTP status, where there was an answer.' })),
  error: optional(text()),
  ms: optional(number({ description: 'Milliseconds it took.' })),
  response: optional(text({ description: 'The first 16 KB of what the receiver said to a failed attempt.' })),
  resumed: optional(flag({ description: 'The process was lost; only that it succeeded is known.' })),
  responseOmitted: optional(flag({ description: 'There was too much to keep: this answer was left out.' })),
};

const ATTEMPT = closed(
  { ...ATTEMPT_MEMBERS, event: text({ description: "The event's id." }) },
  { title: 'DeliveryAttempt' },
);

/** Everything about a dead letter. */
export const DEAD_LETTER_DETAILS = closed(
  {
    ...SUMMARY,
    status: choice(['dead-letter', 'redriven', 'discarded', 'expired', 'ended'], {
      description: '`dead-letter` while it waits.',
    }),
    resolution: optional(RESOLUTION),
    events: list(
      closed(
        {
          line: count('Its line in the batch.'),
          event: EVENT_OR_NULL,
          text: optional(text({ description: 'A line that is not an event, as it is.' })),
          attempts: list(ATTEMPT),
        },
        { title: 'DeadEvent' },
      ),
    ),
    eventsTotal: count('Events in all.'),
    eventsUnreadable: optional(
      text({ description: 'Why there are no events, where their file is gone or damaged.' }),
    ),
  },
  { title: 'DeadLetterDetails' },
);

/** A line of an export. */
export const EXPORT_LINE = closed(
  {
    deadLetter: text({ description: "The dead letter's id." }),
    reason: choice(DEAD_REASONS),
    detail: text(),
    subscription: text(),
    attempts: count('Attempts that were made.'),
    event: EVENT_OR_NULL,
    unreadable: optional(text({ description: 'Why `event` is null.' })),
  },
  { title: 'DeadLetterLine' },
);

/** A dead letter that was redriven or discarded. */
export const RESOLVED = closed(
  {
    id: text(),
    workflowId: text(),
    outcome: choice(['redriven', 'discarded']),
    by: BY,
  },
  { title: 'ResolvedDeadLetter' },
);

/** A redrive or discard of many, as it stands. */
export const REDRIVE_STATUS = closed(
  {
    id: text(),
    workflowId: text(),
    status: choice(['running', 'completed', 'cancelled', 'ended'], {
      description: '`ended` when its workflow was ended by hand.',
    }),
    startedAt: moment('When it was started.'),
    closedAt: optional(moment('When it ended.')),
    url: optional(text({ description: "Its workflow's page in the Temporal UI, where one is known." })),
    progress: optional(
      closed(
        {
          matched: count('Dead letters that the filter matched when it began.'),
          matchedEvents: count('Events in those.'),
          done: count('Dead letters that are redriven or discarded.'),
          events: count('Events in those.'),
          left: count('Dead letters to go.'),
        },
        { description: 'Absent where it was ended by hand.' },
      ),
    ),
  },
  { title: 'RedriveStatus' },
);
