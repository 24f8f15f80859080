import {
  raw,
  text,
  integer,
  choice,
  list,
  optional,
  closed,
  count,
  type Wire,
} from '../../platform/json-schema.js';
import { REJECTIONS } from '../../reference/errors/events.js';
import type { RejectionCode } from '../rejection.js';
import { EVENT_SCHEMA } from '../validate-event.js';

/** An event as it is sent, by the schema that it is checked against. */
const CLOUD_EVENT = raw<Readonly<Record<string, unknown>>>({
  title: 'CloudEvent',
  description:
    'A CloudEvent 1.0 in JSON. Any other attribute is an extension: a name of lower-case letters and digits, with a text, an integer of 32 bits or a boolean.',
  ...EVENT_SCHEMA,
});

/** Body of a request with events, in JSON: one, or several. */
export const EVENTS_BODY = raw<unknown>({ anyOf: [CLOUD_EVENT, list(CLOUD_EVENT)] });

/** What became of one event of a request. */
const EVENT_RESULT = closed(
  {
    index: integer({ minimum: 0, description: 'Its place in the request, counted from 0.' }),
    id: optional(text({ description: 'Its id, where it has one that can be read.' })),
    status: choice(['accepted', 'duplicate', 'rejected'], {
      description: '`accepted` and `duplicate` are durable; a duplicate was accepted before.',
    }),
    code: optional(
      choice(Object.keys(REJECTIONS) as RejectionCode[], {
        description: `Why it is rejected. ${Object.entries(REJECTIONS)
          .map(([code, text]) => `\`${code}\`: ${text}`)
          .join(' ')}`,
      }),
    ),
    reason: optional(text({ description: 'The same in words.' })),
    pointer: optional(
      text({
        description: "With `schema_violation`: where in the event's data, a JSON pointer.",
      }),
    ),
  },
  { title: 'EventResult', description: 'What became of one event of a request.' },
);

const COUNTS = {
  accepted: count('Events that are new.'),
  duplicate: count('Events that were accepted within the last 24 hours.'),
  rejected: count('Events that were not taken.'),
  results: list(EVENT_RESULT, { description: 'One for each event, in their order.' }),
};

/** The answer to a request with events. */
export const EVENTS_ANSWER = closed(COUNTS, {
  title: 'EventsAnswer',
  description: 'What became of the events of a request.',
});

/** What the problem `NOTHING_ACCEPTED` has beside what all have. */
export const NOTHING_ACCEPTED_DETAILS = COUNTS;

/** What became of one event of a request. */
export type EventResult = Wire<typeof EVENT_RESULT>;

/** The answer to a request: counts, and a result for every event. */
export type IngestAnswer = Wire<typeof EVENTS_ANSWER>;
