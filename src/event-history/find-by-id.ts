import type { InputStream } from '../events/event.js';
import { candidatesOf, eventsInAll, keptDays, MAX_FILES, type BatchSearchOptions } from './batched-events.js';
import { sameEvent, type FoundEvent, type Searched } from './found-event.js';
import { spooledEvents, type SpoolReading } from './spooled-events.js';

/** What searches work with. */
export interface SearchOptions extends BatchSearchOptions {
  readonly spool: SpoolReading;
  readonly now?: () => number;
}

/** Which event. */
export interface EventRequest {
  readonly id: string;
  readonly source?: string;
  readonly stream?: InputStream;
}

/** Events that were found, the newest first. */
export interface FoundEvents {
  readonly found: readonly FoundEvent[];
  readonly searched: Searched;
}

/** Looks for the events of an id, in all that is kept: in the spool first, since what leaves it is in a batch by then. */
export async function findById(
  options: SearchOptions,
  tenant: string,
  { id, source, stream }: EventRequest,
): Promise<FoundEvents> {
  const { spool, now = Date.now } = options;
  const to = new Date(now()).toISOString();
  const spooled = await spooledEvents(spool, tenant, 'id', id);
  const days = await keptDays(options, tenant, stream && [stream]);
  const found = new Map<string, FoundEvent>();
  let [files, batchesLeft] = [0, 0];
  for (const day of days) {
    const candidates = await candidatesOf(options, tenant, day, 'id', id);
    // Those that the index names are few, and come first.
    const ordered = [...candidates.filter(isIndexed), ...candidates.filter((each) => !isIndexed(each))];
    const some = ordered.slice(0, MAX_FILES - files);
    files += some.length;
    batchesLeft += ordered.length - some.length;
    for await (const { events } of eventsInAll(options, tenant, some, 'id', id))
      for (const event of events) found.set(sameEvent(event), event);
  }
  for (const event of spooled.found) if (!found.has(sameEvent(event))) found.set(sameEvent(event), event);
  const matching = [...found.values()].filter(
    (event) => (source ?? event.row.source) === event.row.source && (stream ?? event.stream) === event.stream,
  );
  matching.sort((one, other) => (one.row.received_at < other.row.received_at ? 1 : -1));
  return { found: matching, searched: searchedOf(days.at(-1)?.day, to, batchesLeft, spooled.left) };
}

function isIndexed({ received }: { readonly received?: unknown }): boolean {
  return received !== undefined;
}

/** Where was looked, and what was left out. */
export function searchedOf(
  from: string | undefined,
  to: string,
  batchesLeft: number,
  waitingEventsLeft: number,
): Searched {
  return {
    ...(from !== undefined && { from }),
    to,
    complete: batchesLeft + waitingEventsLeft === 0,
    ...(batchesLeft > 0 && { batchesLeft }),
    ...(waitingEventsLeft > 0 && { waitingEventsLeft }),
  };
}
