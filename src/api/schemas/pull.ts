import {
  raw,
  text,
  integer,
  anything,
  literal,
  choice,
  list,
  optional,
  closed,
  object,
  type Wire,
} from '../../platform/json-schema.js';

/** Most ack ids of a request. */
const MAX_ACK_IDS = 1_000;

const ackIds = list(text({ minLength: 1, maxLength: 200 }), {
  minItems: 1,
  maxItems: MAX_ACK_IDS,
  description: 'Of messages, as `pull` has given them.',
});

/** Body of `…/pull`. */
export const PULL_BODY = closed(
  {
    maxMessages: integer({ minimum: 1, maximum: 1_000, default: 100, description: 'Most messages.' }),
    waitMs: integer({
      minimum: 0,
      maximum: 30_000,
      default: 10_000,
      description: 'Milliseconds to wait while there is nothing.',
    }),
  },
  { title: 'PullRequest' },
);

/** Body of `…/ack` and `…/nack`. */
export const ACK_BODY = closed({ ackIds }, { title: 'AckRequest' });

/** Body of `…/modify-ack-deadline`. */
export const MODIFY_BODY = closed(
  {
    ackIds,
    ackDeadlineSeconds: raw<number>({
      type: 'integer',
      anyOf: [{ const: 0 }, { minimum: 10, maximum: 600 }],
      description: '0, or 10 to 600: seconds from now, 0 gives the events back',
    }),
  },
  { title: 'ModifyAckDeadlineRequest' },
);

/** An event as consumers get it. */
export const DELIVERED_EVENT = object(
  {
    specversion: literal('1.0'),
    id: text(),
    source: text(),
    type: text(),
    time: text(),
    subject: optional(text()),
    datacontenttype: optional(text()),
    dataschema: optional(text()),
    data: optional(anything()),
    data_base64: optional(text()),
  },
  {
    title: 'DeliveredEvent',
    description:
      'A CloudEvent in JSON, with its extension attributes. `receivedat` is when Headgate took it; `hops` is how many stages it has passed.',
    additionalProperties: raw<string | number | boolean>({ type: ['string', 'number', 'boolean'] }),
  },
);

/** What `…/pull` answers. */
export const PULL_ANSWER = closed(
  {
    messages: list(
      closed(
        {
          ackId: text({ description: 'By which the message is acknowledged.' }),
          attempt: integer({
            minimum: 1,
            description: 'How often the event has been handed out, this time counted.',
          }),
          event: DELIVERED_EVENT,
        },
        { title: 'PullMessage' },
      ),
    ),
  },
  { title: 'PullAnswer' },
);

/** What the calls that settle have, in their answers and in the problem `LEASE_STALE`. */
export const SETTLED = {
  results: list(
    closed({
      ackId: text(),
      status: choice(['ok', 'stale', 'unknown'], {
        description:
          '`stale`: its lease has ended, or is not of this subscription. `unknown`: it is not an ack id.',
      }),
    }),
    { description: 'One for each ack id.' },
  ),
};

/** What `…/ack`, `…/nack` and `…/modify-ack-deadline` answer. */
export const SETTLE_ANSWER = closed(SETTLED, { title: 'SettleAnswer' });

/** Body of `…/pull`, with its defaults. */
export type PullBody = Wire<typeof PULL_BODY>;
