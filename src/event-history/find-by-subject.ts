import { HeadgateError } from '../errors.js';
import { DAY_MS, dayOf } from '../platform/time.js';
import { dayOfBatch, isBatchId } from '../tenants/ids.js';
import { candidatesOf, eventsInAll, keptDays, orderOf, type Candidate, MAX_FILES } from './batched-events.js';
import { searchedOf, type FoundEvents, type SearchOptions } from './find-by-id.js';
import { sameEvent, type FoundEvent } from './found-event.js';
import { spooledEvents, type SpooledEvents } from './spooled-events.js';

/** Which events of a subject: by time of receipt, milliseconds since the epoch. */
export interface SubjectRequest {
  readonly subject: string;
  /** Received then or later. */
  readonly from?: number;
  /** Received before. */
  readonly to?: number;
  readonly limit: number;
  /** Where the page before has ended. */
  readonly pageToken?: string;
}

/** A page, the newest batches first. */
export interface SubjectPage extends FoundEvents {
  /** Absent on the last page. */
  readonly nextPageToken?: string;
}

/** Looks for the events of a subject, batch by batch. After {@link MAX_FILES} a page ends, with fewer events. */
export async function findBySubject(
  options: SearchOptions,
  tenant: string,
  request: SubjectRequest,
): Promise<SubjectPage> {
  const { spool, now = Date.now } = options;
  const { subject, from = 0, to = Infinity, limit, pageToken } = request;
  const after = pageToken === undefined ? undefined : positionOf(pageToken);
  const at = new Date(now()).toISOString();
  // On the first page alone: they have no place in the order of batches yet.
  const spooled: SpooledEvents =
    after === undefined ? await spooledEvents(spool, tenant, 'subject', subject) : { found: [], left: 0 };
  const isWanted = ({ row }: FoundEvent): boolean => {
    const received = Date.parse(row.received_at);
    return received >= from && received < to;
  };
  const waiting = spooled.found.filter(isWanted).reverse();
  const page = new Page(limit, after);
  page.addWaiting(waiting);
  const days = await keptDays(options, tenant);
  // A batch may be named a little before or after its events were received, by another clock.
  const oldest = dayOf(Math.max(0, from - DAY_MS));
  let files = 0;
  let last: Candidate | undefined;
  for (const day of days) {
    if (page.isFull || day.day < oldest || (after !== undefined && day.day > dayOfBatch(after.batchId)))
      continue;
    const candidates = (await candidatesOf(options, tenant, day, 'subject', subject)).filter(
      (candidate) => mayHold(candidate, from, to) && page.isBehind(candidate.batchId),
    );
    const some = candidates.slice(0, MAX_FILES - files);
    files += some.length;
    last = some.at(-1) ?? last;
    for await (const { candidate, events } of eventsInAll(options, tenant, some, 'subject', subject)) {
      page.add(candidate.batchId, events.filter(isWanted));
      if (page.isFull) break;
    }
    if (some.length < candidates.length) page.end(last);
  }
  const left = spooled.left + Math.max(0, waiting.length - limit);
  return {
    found: page.events,
    searched: searchedOf(days.at(-1)?.day, at, 0, left),
    ...(page.next !== undefined && { nextPageToken: tokenOf(page.next) }),
  };
}

function mayHold({ received }: Candidate, from: number, to: number): boolean {
  return received === undefined || (received.last >= from && received.first < to);
}

/** The last event of a page: the next one goes on with lines below. */
interface Position {
  readonly batchId: string;
  readonly line: number;
}

class Page {
  readonly events: FoundEvent[] = [];
  next?: Position;
  isFull = false;
  private readonly seen = new Set<string>();

  constructor(
    private readonly limit: number,
    private readonly after?: Position,
  ) {}

  addWaiting(events: readonly FoundEvent[]): void {
    for (const event of events.slice(0, this.limit)) {
      this.seen.add(sameEvent(event));
      this.events.push(event);
    }
  }

  /** True for a batch that has not been gone through by the pages before. */
  isBehind(batchId: string): boolean {
    if (this.after === undefined || dayOfBatch(batchId) < dayOfBatch(this.after.batchId)) return true;
    return orderOf(batchId) <= orderOf(this.after.batchId);
  }

  /** Adds the events of a batch, the last lines first. */
  add(batchId: string, events: readonly FoundEvent[]): void {
    const below = this.after?.batchId === batchId ? this.after.line : Infinity;
    for (const event of [...events].reverse()) {
      const { line = 0 } = event;
      if (line >= below || this.seen.has(sameEvent(event))) continue;
      if (this.events.length >= this.limit) {
        this.isFull = true;
        this.next ??= { batchId, line: line + 1 };
        return;
      }
      this.events.push(event);
    }
  }

  /** No more files for this page; the next goes on behind this one. */
  end(last: Candidate | undefined): void {
    this.isFull = true;
    this.next ??= { batchId: last?.batchId ?? this.after?.batchId ?? '', line: 0 };
  }
}

function tokenOf({ batchId, line }: Position): string {
  return Buffer.from(`${batchId}.${line}`).toString('base64url');
}

/** It leads nowhere but to the caller's own batches, whatever it says. */
function positionOf(token: string): Position {
  const [batchId, line = '', ...rest] = Buffer.from(token, 'base64url').toString('latin1').split('.');
  if (isBatchId(batchId) && /^\d{1,9}$/.test(line) && rest.length === 0)
    return { batchId, line: Number(line) };
  throw new HeadgateError('PAGE_TOKEN_INVALID', 'This is not the page token of a list of events.');
}
