import { HeadgateError } from '../../errors.js';
import type { EventHistory } from '../../event-history/event-history.js';
import { LIST_COST } from '../../ingest/admission/calls.js';
import { route } from '../route.js';
import { EVENT_ID, EVENT_PAGE, EVENT_QUERY, EVENT_STORIES, EVENTS_QUERY } from '../schemas/event-history.js';
import { FOUND, FOUND_STORY } from './event-history-examples.js';

/** What these routes need of the server. */
interface EventHistoryServices {
  readonly eventHistory: EventHistory;
}

const READING = { method: 'GET', tag: 'Events', scope: 'events:read' } as const;

/** What reading the files of batches can come to. */
const OF_FILES = [
  'BATCH_UNREACHABLE',
  'BATCH_STORE_UNAVAILABLE',
  'BATCH_STORE_REFUSED',
  'BATCH_KEY_MISSING',
  'BATCH_KEY_WRONG',
] as const;

const FIND = route(
  {
    ...READING,
    id: 'getEvent',
    path: '/v1/events/{id}',
    summary: 'Find an event, and what became of it',
    description:
      'When it was received, its batch, what was decided on it, its load, and each delivery with its attempts and dead letters. An id may have been sent by several sources, and to both streams: the answer is a list. It is looked for in all batches that are kept.',
    temporalCost: 2 * LIST_COST,
    params: { id: EVENT_ID },
    query: EVENT_QUERY,
    answer: { status: 200, description: 'What became of it.', schema: EVENT_STORIES },
    errors: ['EVENT_NOT_FOUND', 'EVENT_SEARCH_UNFINISHED', ...OF_FILES],
    examples: [
      {
        name: 'dead-lettered',
        summary: 'An event that is in the warehouse, and that one receiver did not take',
        query: { source: '/shop', stream: 'events' },
        answer: FOUND_STORY,
      },
    ],
  },
  async ({ eventHistory }: EventHistoryServices, { tenant, params: { id }, query }) =>
    eventHistory.find(tenant, { ...query, id }),
);

const LIST = route(
  {
    ...READING,
    id: 'listEvents',
    path: '/v1/events',
    summary: 'List the events of a subject',
    description:
      'Events by page, the newest batches first, without their data. Times are those of receipt. Temporal is not asked.',
    query: EVENTS_QUERY,
    answer: { status: 200, description: 'A page.', schema: EVENT_PAGE },
    errors: ['PAGE_TOKEN_INVALID', ...OF_FILES],
    examples: [
      {
        name: 'of-a-day',
        summary: 'Those that were received since a time',
        query: { subject: 'c-7', from: '2024-03-10T00:00:00Z', limit: '10' },
        answer: FOUND,
      },
    ],
  },
  async ({ eventHistory }: EventHistoryServices, { tenant, query: { from, to, ...request } }) =>
    eventHistory.list(tenant, {
      ...request,
      ...(from !== undefined && { from: msOf('from', from) }),
      ...(to !== undefined && { to: msOf('to', to) }),
    }),
);

/** `GET /v1/events` and `GET /v1/events/{id}`: what was sent, and what became of it, of the caller's own tenant alone. */
export const EVENT_HISTORY_ROUTES = [LIST, FIND];

/** @throws HeadgateError `PARAMETER_INVALID`, for a time that there has never been */
function msOf(name: string, time: string): number {
  const ms = Date.parse(time);
  if (!Number.isNaN(ms)) return ms;
  throw new HeadgateError('PARAMETER_INVALID', `"${name}" is not a time.`);
}
