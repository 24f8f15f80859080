import { INPUT_STREAMS, type InputStream } from '../../events/event.js';
import { MAX_EVENTS } from '../parse-body.js';
import { ANSWERED, route, type Route, type RouteExample } from '../route.js';
import { EVENTS_ANSWER, EVENTS_BODY } from '../schemas/events.js';
import { takeEvents, type EventServices } from '../take-events.js';
import { ORDER_PAID } from './example-event.js';

/** Largest request body, inflated: 4 MB. */
export const MAX_BODY_BYTES = 4_000_000;

const FORMATS = `The content type says how they are written:
one event or an array (\`application/json\`, \`application/cloudevents+json\`, \`application/cloudevents-batch+json\`),
one a line (\`application/x-ndjson\`), or in CloudEvents binary mode: attributes are \`ce-*\` headers, and the body is the data, of any content type.
A request has at most ${MAX_EVENTS} events.`;

const ANSWER = `A 202 means that every event it calls \`accepted\` or \`duplicate\` is on disk.
A bad event is \`rejected\` on its own, with the reason; if none is acceptable the answer is 422.`;

const STREAMS = {
  events: {
    summary: 'Send events',
    description: `Takes events. ${FORMATS} ${ANSWER} Decisions are made before the answer.`,
  },
  'user-properties': {
    summary: 'Send user properties',
    description: `Takes what is known of subjects: events with a \`subject\`, and an object as \`data\`, whose keys are merged into the subject's profile; null unsets a key. The extension attribute \`mergesubject\` names another subject, such as the anonymous one of before a login, whose profile and aggregates are merged into this one's, once and for ever. ${FORMATS} ${ANSWER}`,
  },
} as const;

const EXAMPLES: Readonly<Record<InputStream, readonly RouteExample[]>> = {
  events: [
    {
      name: 'several',
      summary: 'An event that is taken, beside one that is not',
      body: [ORDER_PAID, { ...ORDER_PAID, id: 'order-2', time: '1969-07-20T20:17:40Z' }],
      answer: {
        accepted: 1,
        duplicate: 0,
        rejected: 1,
        results: [
          { index: 0, id: 'order-1', status: 'accepted' },
          {
            index: 1,
            id: 'order-2',
            status: 'rejected',
            code: 'time_out_of_range',
            reason: 'time is before 1970-01-01',
          },
        ],
      },
    },
    {
      name: 'one-again',
      summary: 'An event that was taken before',
      body: ORDER_PAID,
      answer: {
        accepted: 0,
        duplicate: 1,
        rejected: 0,
        results: [{ index: 0, id: 'order-1', status: 'duplicate' }],
      },
    },
    {
      name: 'none-acceptable',
      summary: 'No event is acceptable',
      body: { ...ORDER_PAID, id: 'order-3', time: '1969-07-20T20:17:40Z' },
      status: 422,
      answer: {
        type: 'urn:headgate:problem:nothing-accepted',
        title: 'Unprocessable Content',
        status: 422,
        code: 'NOTHING_ACCEPTED',
        detail: 'time is before 1970-01-01',
        accepted: 0,
        duplicate: 0,
        rejected: 1,
        results: [
          {
            index: 0,
            id: 'order-3',
            status: 'rejected',
            code: 'time_out_of_range',
            reason: 'time is before 1970-01-01',
          },
        ],
      },
    },
  ],
  'user-properties': [
    {
      name: 'one',
      summary: 'Two properties of a subject',
      body: {
        specversion: '1.0',
        id: 'profile-1',
        source: '/crm',
        type: 'profile.changed',
        subject: 'c-7',
        data: { plan: 'silver', seats: 3 },
      },
      answer: {
        accepted: 1,
        duplicate: 0,
        rejected: 0,
        results: [{ index: 0, id: 'profile-1', status: 'accepted' }],
      },
    },
  ],
};

/** `POST /v1/events` and `POST /v1/user-properties`: see {@link takeEvents}. */
export const EVENT_ROUTES: readonly Route<EventServices>[] = INPUT_STREAMS.map((stream) =>
  route(
    {
      id: stream === 'events' ? 'sendEvents' : 'sendUserProperties',
      method: 'POST',
      path: `/v1/${stream}`,
      tag: 'Events',
      scope: `${stream}:write`,
      ...STREAMS[stream],
      maxBytes: MAX_BODY_BYTES,
      takesEvents: true,
      act: 'counted',
      body: {
        schema: EVENTS_BODY,
        // Those of CloudEvents are in the description alone: what a client generator makes of several types of one schema
        // is of no use, or does not run.
        mediaTypes: ['application/json', 'application/x-ndjson'],
        // Events are checked one by one.
        read: 'raw',
      },
      answer: { status: 202, description: 'A result for each event.', schema: EVENTS_ANSWER },
      errors: [
        'CONTENT_TYPE_UNSUPPORTED',
        'NOTHING_ACCEPTED',
        'TENANT_BACKLOG_FULL',
        'BUDGET_REACHED',
        'DISK_FULL',
        'STATE_UNAVAILABLE',
      ],
      examples: EXAMPLES[stream],
    },
    async (services: EventServices, { ctx, tenant }) => {
      const json = await takeEvents(services, tenant, stream, ctx);
      ctx.status = 202;
      ctx.body = json;
      ctx.type = 'application/json';
      return ANSWERED;
    },
  ),
);
