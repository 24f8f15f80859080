import { HeadgateError } from '../errors.js';
import type { EventPage, EventStories } from '../event-history/event-history.js';
import type { EventSummary } from '../event-history/found-event.js';
import { openCommandApi, type ApiCommandOptions } from './call-api.js';
import { wholeNumber } from './dead-letter-filter.js';
import { eventsTable, storyText } from './event-text.js';
import { print } from './terminal-text.js';

/** Options of `headgate event`. */
export interface EventOptions extends ApiCommandOptions {
  readonly source?: string;
  readonly stream?: string;
  readonly subject?: string;
  readonly from?: string;
  readonly to?: string;
  readonly limit: string;
  readonly json: boolean;
}

/** Most events that the API gives at once. */
const PAGE = 200;

/** Tells what became of the events of an id, or lists those of a subject. */
export async function findEvent(id: string | undefined, options: EventOptions): Promise<void> {
  const { subject, from, to, source, stream } = options;
  const isMixed = id === undefined ? (source ?? stream) !== undefined : (subject ?? from ?? to) !== undefined;
  if (isMixed || (id ?? subject) === undefined)
    throw new HeadgateError(
      'PARAMETER_INVALID',
      'Say which event: an id, with --source and --stream if need be, or --subject, with --from and --to.',
    );
  return id === undefined ? list({ ...options, subject: subject ?? '' }) : show(id, options);
}

async function show(id: string, options: EventOptions): Promise<void> {
  const api = openCommandApi(options, 'events:read');
  const { source, stream } = options;
  const query = queryOf({ source, stream });
  const found = await api.call<EventStories>('GET', `/v1/events/${encodeURIComponent(id)}${query}`);
  if (options.json) return print(JSON.stringify(found, undefined, 2));
  print(found.events.map(storyText).join('\n\n'));
  if (found.more !== undefined) print(`and ${found.more} more: --source and --stream narrow it down`);
}

async function list(options: EventOptions & { readonly subject: string }): Promise<void> {
  const api = openCommandApi(options, 'events:read');
  const { subject, from, to } = options;
  const most = wholeNumber('--limit', options.limit);
  const events: EventSummary[] = [];
  let page: EventPage | undefined;
  do {
    const limit = String(Math.max(1, Math.min(PAGE, most - events.length)));
    const query = queryOf({ subject, from, to, limit, pageToken: page?.nextPageToken });
    page = await api.call<EventPage>('GET', `/v1/events${query}`);
    events.push(...page.events);
  } while (page.nextPageToken !== undefined && events.length < most);
  if (options.json) return print(JSON.stringify({ events, searched: page.searched }, undefined, 2));
  print(events.length === 0 ? 'There are no events like this.' : eventsTable(events));
  if (page.nextPageToken !== undefined) print(`the newest ${events.length}; --limit shows more`);
  if (!page.searched.complete)
    print('Some waiting events were not looked at: ask again when they are in batches.');
}

function queryOf(values: Readonly<Record<string, string | undefined>>): string {
  const set = Object.entries(values).filter((each): each is [string, string] => each[1] !== undefined);
  return set.length === 0 ? '' : `?${new URLSearchParams(set).toString()}`;
}
