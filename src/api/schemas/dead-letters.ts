import { Type } from '@sinclair/typebox';
import { DEAD_REASONS } from '../../workflows/messages/deliveries.js';
import { STREAM } from './batches.js';
import { choice, closed, count, moment, type Wire } from '../../platform/json-schema.js';

/** Events let go per second by a redrive or discard of many, unless it says otherwise. */
const EVENTS_PER_SECOND = 1_000;

const TIME_PATTERN = '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,9})?(Z|[+-]\\d\\d:\\d\\d)$';
const time = (description: string) =>
  Type.String({ pattern: TIME_PATTERN, description: `${description} RFC 3339.` });

/** Which dead letters; what is absent is not asked for. */
const FILTER = {
  subscription: Type.Optional(
    Type.String({ pattern: '^[a-z][a-z0-9_-]{0,62}$', description: 'Of this subscription.' }),
  ),
  reason: Type.Optional(choice(DEAD_REASONS, { description: 'Given up for this reason.' })),
  type: Type.Optional(
    Type.String({
      pattern: '^(\\*|[^*\\s]{1,255}\\*?)$',
      description: 'That hold an event of this type, exact or a prefix as `booking.*`.',
    }),
  ),
  from: Type.Optional(time('Given up then or later.')),
  to: Type.Optional(time('Given up then or earlier.')),
};

/** Path parameter: a dead letter's id. */
export const DEAD_LETTER_ID = Type.String({
  description: 'The id of a dead letter: `<subscription>~<batch>~…`.',
  examples: ['crm~20240310-0123abcd-000000001~attempts-exhausted.1'],
});

/** Path parameter: the id of a redrive or discard of many. */
export const REDRIVE_ID = Type.String({
  description: 'The id of a redrive, or discard, of many.',
  examples: ['5a0c1f0e-6f3c-4c62-9d5e-0c3c3c1a1f4e'],
});

/** Query of an export. */
export const FILTER_QUERY = closed(FILTER);

/** Query of a list. */
export const LIST_QUERY = closed({
  ...FILTER,
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 50, description: 'Most dead letters.' }),
  pageToken: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 2_000,
      description: '`nextPageToken` of the page before, with the same filter.',
    }),
  ),
});

/** Query of one dead letter. */
export const SHOW_QUERY = closed({
  eventsFrom: Type.Integer({
    minimum: 0,
    maximum: 10_000_000,
    default: 0,
    description: 'The first event to show, counted from 0.',
  }),
  limit: Type.Integer({ minimum: 0, maximum: 200, default: 20, description: 'Most events.' }),
});

const why = Type.String({ minLength: 1, maxLength: 1_000, description: 'Why; kept with the dead letter.' });

/** Body of a redrive. */
export const REDRIVE_BODY = closed({ reason: Type.Optional(why) }, { title: 'Redrive' });
/** Body of a discard. */
export const DISCARD_BODY = closed({ reason: why }, { title: 'Discard' });

const MANY = {
  // An empty filter is every dead letter there is; it has to be written, so that none is forgotten.
  filter: closed(FILTER, {
    title: 'DeadLetterFilter',
    description: 'Which dead letters; `{}` is every one there is.',
  }),
  eventsPerSecond: Type.Integer({
    minimum: 1,
    maximum: 100_000,
    default: EVENTS_PER_SECOND,
    description: 'Events let go per second, on average.',
  }),
};

/** Body of a redrive of many. */
export const REDRIVE_MANY_BODY = closed({ ...MANY, reason: Type.Optional(why) }, { title: 'RedriveMany' });
/** Body of a discard of many. */
export const DISCARD_MANY_BODY = closed({ ...MANY, reason: why }, { title: 'DiscardMany' });

/** A filter as it is written in a query or a body. */
export type WrittenFilter = Wire<typeof FILTER_QUERY>;

const SUMMARY = {
  id: Type.String({ description: 'By which it is shown, redriven and discarded.' }),
  workflowId: Type.String(),
  subscription: Type.String(),
  kind: choice(['push', 'pull', 'workflow', 'ingest', 'warehouse']),
  reason: choice(DEAD_REASONS),
  detail: Type.String({ description: 'What happened to the last of its events, in words.' }),
  attempts: count('Attempts that were made.'),
  count: count('Events in it.'),
  stream: STREAM,
  batchId: Type.String(),
  types: Type.Array(Type.String(), { description: 'Event types among them, sorted, the first few.' }),
  firstEvent: Type.String({ description: 'The id of the first.' }),
  lastEvent: Type.String({ description: 'The id of the last.' }),
  parkedAt: moment('When its events were given up.'),
  expiresAt: moment('When they will be for good.'),
  url: Type.Optional(
    Type.String({ description: "Its workflow's page in the Temporal UI, where one is known." }),
  ),
};

/** A page of dead letters. */
export const DEAD_LETTER_PAGE = closed(
  {
    deadLetters: Type.Array(closed(SUMMARY, { title: 'DeadLetter' }), {
      description: 'The newest first. There may be fewer than `limit`, or none, and still a next page.',
    }),
    nextPageToken: Type.Optional(Type.String({ description: 'Absent on the last page.' })),
  },
  { title: 'DeadLetterPage' },
);

/** Who has resolved a dead letter, and why. */
export const BY = closed(
  {
    actor: Type.String({ description: 'The subject of the token.' }),
    reason: Type.Optional(Type.String()),
    redrive: Type.Optional(
      Type.String({ description: 'The workflow of the redrive or discard of many that this is a part of.' }),
    ),
  },
  { title: 'ResolvedBy' },
);

const RESOLUTION = closed(
  {
    outcome: choice(['redriven', 'discarded', 'expired', 'ended']),
    by: Type.Optional(BY),
    delivery: Type.Optional(
      closed(
        {
          delivered: count('Events that were delivered.'),
          deadLettered: count('Events that are dead letters again.'),
          passes: count('How often what was pending was tried.'),
          deadLetters: Type.Array(Type.String(), { description: 'Workflow ids of the new dead letters.' }),
        },
        { description: 'What came of the redrive, once it is through.' },
      ),
    ),
  },
  { description: 'Who has resolved it, and what came of it.' },
);

const EVENT = Type.Unsafe<unknown>({
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
const EVENT_OR_NULL = Type.Unsafe<unknown>({ anyOf: [EVENT, { type: 'null' }] });

const ATTEMPT = closed(
  {
    pass: Type.Integer({ description: 'Counts from 1.' }),
    event: Type.String({ description: "The event's id." }),
    attempt: Type.Integer({ description: 'Counts from 1.' }),
    outcome: choice(['delivered', 'failed']),
    at: moment('When it ended.'),
    status: Type.Optional(Type.Integer({ description: 'HTTP status, where there was an answer.' })),
    error: Type.Optional(Type.String()),
    ms: Type.Optional(Type.Number({ description: 'Milliseconds it took.' })),
    response: Type.Optional(
      Type.String({ description: 'The first 16 KB of what the receiver said to a failed attempt.' }),
    ),
    resumed: Type.Optional(
      Type.Boolean({ description: 'The process was lost; only that it succeeded is known.' }),
    ),
    responseOmitted: Type.Optional(
      Type.Boolean({ description: 'There was too much to keep: this answer was left out.' }),
    ),
  },
  { title: 'DeliveryAttempt' },
);

/** Everything about a dead letter. */
export const DEAD_LETTER_DETAILS = closed(
  {
    ...SUMMARY,
    status: choice(['dead-letter', 'redriven', 'discarded', 'expired', 'ended'], {
      description: '`dead-letter` while it waits.',
    }),
    resolution: Type.Optional(RESOLUTION),
    events: Type.Array(
      closed(
        {
          line: count('Its line in the batch.'),
          event: EVENT_OR_NULL,
          text: Type.Optional(Type.String({ description: 'A line that is not an event, as it is.' })),
          attempts: Type.Array(ATTEMPT),
        },
        { title: 'DeadEvent' },
      ),
    ),
    eventsTotal: count('Events in all.'),
    eventsUnreadable: Type.Optional(
      Type.String({ description: 'Why there are no events, where their file is gone or damaged.' }),
    ),
  },
  { title: 'DeadLetterDetails' },
);

/** A line of an export. */
export const EXPORT_LINE = closed(
  {
    deadLetter: Type.String({ description: "The dead letter's id." }),
    reason: choice(DEAD_REASONS),
    detail: Type.String(),
    subscription: Type.String(),
    attempts: count('Attempts that were made.'),
    event: EVENT_OR_NULL,
    unreadable: Type.Optional(Type.String({ description: 'Why `event` is null.' })),
  },
  { title: 'DeadLetterLine' },
);

/** A dead letter that was redriven or discarded. */
export const RESOLVED = closed(
  {
    id: Type.String(),
    workflowId: Type.String(),
    outcome: choice(['redriven', 'discarded']),
    by: BY,
  },
  { title: 'ResolvedDeadLetter' },
);

/** A redrive or discard of many, as it stands. */
export const REDRIVE_STATUS = closed(
  {
    id: Type.String(),
    workflowId: Type.String(),
    status: choice(['running', 'completed', 'cancelled', 'ended'], {
      description: '`ended` when its workflow was ended by hand.',
    }),
    startedAt: moment('When it was started.'),
    closedAt: Type.Optional(moment('When it ended.')),
    url: Type.Optional(
      Type.String({ description: "Its workflow's page in the Temporal UI, where one is known." }),
    ),
    progress: Type.Optional(
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
