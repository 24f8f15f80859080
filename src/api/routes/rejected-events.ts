import { closed, list, moment, optional, text } from '../../platform/json-schema.js';
import type { RejectedEvents } from '../../sources/rejected-events.js';
import { route } from '../route.js';

/** What the route needs of the server. */
interface RejectedEventsServices {
  readonly rejectedEvents: Pick<RejectedEvents, 'list'>;
}

const REJECTED = closed(
  {
    receivedAt: moment('When it came.'),
    source: optional(text({ description: 'The name of the source; absent of what came with a token.' })),
    id: optional(text({ description: 'Its id, where it has one that can be read.' })),
    code: text({ description: 'Why it was not taken, as in the results of `POST /v1/events`.' }),
    reason: text({ description: 'The same in words.' }),
    event: text({ description: 'The event as it was sent; of a long one the beginning.' }),
  },
  { title: 'RejectedEvent' },
);

/** `GET /v1/rejected-events`: what analytics clients have sent and was not taken, as they read no results themselves. */
export const REJECTED_EVENTS_ROUTES = [
  route(
    {
      id: 'listRejectedEvents',
      method: 'GET',
      path: '/v1/rejected-events',
      tag: 'Analytics',
      scope: 'events:read',
      summary: 'List events of analytics clients that were not taken',
      description:
        'The newest first, of the last day, 200 at most. They are in the memory of the process that answers: what it knew before it was started anew is gone.',
      query: closed({
        source: optional(text({ description: 'Of this source alone.', maxLength: 200 })),
      }),
      answer: {
        status: 200,
        description: 'The events.',
        schema: closed({ events: list(REJECTED) }, { title: 'RejectedEvents' }),
      },
      examples: [{ name: 'of-a-source', summary: 'None', query: { source: 'web' }, answer: { events: [] } }],
    },
    ({ rejectedEvents }: RejectedEventsServices, { tenant, query: { source } }) =>
      Promise.resolve({ events: rejectedEvents.list(tenant, source) }),
  ),
];
