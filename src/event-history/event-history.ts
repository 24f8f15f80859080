import { HeadgateError } from '../errors.js';
import { findById, type EventRequest, type SearchOptions } from './find-by-id.js';
import { findBySubject, type SubjectRequest } from './find-by-subject.js';
import { summaryOf, type EventSummary, type Searched } from './found-event.js';
import { storyOf, type EventStory, type StoryOptions } from './story.js';

/** What became of the events of an id. */
export interface EventStories {
  /** The newest first; most ids have one. */
  readonly events: readonly EventStory[];
  /** Events of this id that there is no room for: `source` and `stream` narrow it down. Absent where there are none. */
  readonly more?: number;
  readonly searched: Searched;
}

/** A page of events. */
export interface EventPage {
  readonly events: readonly EventSummary[];
  readonly nextPageToken?: string;
  readonly searched: Searched;
}

/** Finds events, and what became of them. The tenant is the verified token's; nothing leads to another's. */
export interface EventHistory {
  /** @throws HeadgateError `EVENT_NOT_FOUND`, `EVENT_SEARCH_UNFINISHED`, `ENGINE_UNAVAILABLE` */
  find(tenant: string, request: EventRequest): Promise<EventStories>;
  /** @throws HeadgateError `PAGE_TOKEN_INVALID` */
  list(tenant: string, request: SubjectRequest): Promise<EventPage>;
}

/** Events of one id whose story is told: each asks Temporal for several workflows. */
const MAX_STORIES = 5;

/** Builds it over the spool, the batches with their index, and Temporal. */
export function createEventHistory(options: SearchOptions & StoryOptions): EventHistory {
  return {
    find: async (tenant, request) => {
      const { found, searched } = await findById(options, tenant, request);
      if (found.length === 0) throw notFound(searched);
      const events: EventStory[] = [];
      for (const event of found.slice(0, MAX_STORIES)) events.push(await storyOf(options, tenant, event));
      const more = found.length - events.length;
      return { events, ...(more > 0 && { more }), searched };
    },
    list: async (tenant, request) => {
      const { found, searched, nextPageToken } = await findBySubject(options, tenant, request);
      const events = found.map(summaryOf);
      return { events, ...(nextPageToken !== undefined && { nextPageToken }), searched };
    },
  };
}

/** Never "there is none" where not all was looked at. */
function notFound({ from, to, complete, batchesLeft = 0, waitingEventsLeft = 0 }: Searched): HeadgateError {
  if (!complete) {
    const left = `${batchesLeft} batches that are not indexed yet and ${waitingEventsLeft} waiting events`;
    return new HeadgateError('EVENT_SEARCH_UNFINISHED', `Not found so far, but ${left} were not looked at.`, {
      retryable: true,
      retryAfterSeconds: 10,
    });
  }
  const period = from === undefined ? 'no batch is kept' : `batches from ${from} to ${to} are kept`;
  return new HeadgateError('EVENT_NOT_FOUND', `No event like this was found: ${period}, and none has it.`, {
    details: { searched: { ...(from !== undefined && { from }), to } },
  });
}
