import type { Context } from 'koa';
import type { AnalyticsCall } from '../../analytics/calls.js';
import type { Mapped } from '../../analytics/cloud-events.js';
import type { InputStream } from '../../events/event.js';
import { fitsStarred } from '../../platform/starred.js';
import type { RejectedEvents } from '../../sources/rejected-events.js';
import type { RequestSpan } from '../../tracing/tracing.js';
import { callerOf, lackOf } from '../authenticate.js';
import type { Candidate } from '../candidate.js';
import type { Caller } from '../caller.js';
import { bodyOf, noteHandled, permitOf } from '../guard.js';
import { inTurns } from '../in-turns.js';
import { statusOf } from '../problem.js';
import type { Rejection } from '../rejection.js';
import {
  attributesOf,
  takeCandidates,
  type Counts,
  type EventServices,
  type TracedServices,
} from '../take-events.js';
import { itemsOf, type Item, type Items } from './items.js';

/** What the routes of analytics clients need of the server. */
export interface AnalyticsServices extends EventServices {
  /** Where events that were not taken are kept to be looked at. */
  readonly rejectedEvents: RejectedEvents;
}

/** What is written while the request waits, and how many events had which end. */
interface Taken extends Counts {
  readonly written: Promise<unknown>;
}

/** `source` of what came with a token, not with the key of a source. */
const WITHOUT_SOURCE = '/analytics';
/** A rejected event is shown by its beginning. */
const SHOWN = 2_000;

/**
 * Takes the events of a request of an analytics client: each becomes one for the stream `events`, and what it says of its
 * subject one for `user-properties`. When it returns, all that is good is on disk. What is not good is kept to be looked at,
 * as such a client reads of no event what became of it.
 * @param call of the path of one event; undefined for a batch
 * @throws HeadgateError `BODY_MALFORMED`, `BODY_TOO_LARGE`; what reading the body and handing over throw
 */
export async function takeAnalytics(
  services: AnalyticsServices,
  tenant: string,
  call: AnalyticsCall | undefined,
  ctx: Context,
): Promise<void> {
  const beganAt = Date.now();
  const body = await bodyOf(ctx);
  let span: RequestSpan | undefined;
  const begin = (first: unknown): RequestSpan | undefined =>
    (span ??= services.tracing?.request({ tenant, stream: 'events', headers: ctx.headers, first, beganAt }));
  try {
    const taking = services.ingest.turns.run(tenant, () =>
      take({ ...services, begin }, { tenant, call, ctx }, body),
    );
    const { written, ...counts } = await taking;
    await written;
    noteHandled(ctx, counts, body.length);
    span?.end(attributesOf(counts, 200));
  } catch (error) {
    span?.end({ 'http.response.status_code': statusOf(error) }, error);
    throw error;
  }
}

type Services = AnalyticsServices & TracedServices;

interface Request {
  readonly tenant: string;
  readonly call: AnalyticsCall | undefined;
  readonly ctx: Context;
}

function take(services: Services, request: Request, body: Buffer): Promise<Taken> {
  const { tenant, call, ctx } = request;
  const caller = callerOf(ctx);
  const { source } = caller;
  const name = source === undefined ? WITHOUT_SOURCE : `/sources/${encodeURIComponent(source.name)}`;
  const items = itemsOf(body, call, name);
  const sorted = new Sorted(caller, items, (index, { code, reason }, id) => {
    const event = items.text(index, SHOWN);
    services.rejectedEvents.add(tenant, { source: source?.name, id, code, reason, event });
  });
  const bytes = body.length + items.length * items.sharedBytes;
  // What a batch says once is in memory and on disk as often as it has events.
  permitOf(ctx).received(bytes);
  const mapping = inTurns({ turns: services.ingest.turns, tenant }, items.length, (index) =>
    sorted.add(index),
  );
  const go = (): Promise<Taken> => {
    permitOf(ctx).charge(sorted.length, bytes);
    return sorted.take(services, tenant);
  };
  return mapping === undefined ? go() : mapping.then(go);
}

/** Candidates for a stream, and the place in the request of what each came from. */
class StreamPart {
  readonly candidates: Candidate[] = [];
  readonly places: number[] = [];

  add(place: number, value: unknown, lossyNumber: string | undefined): void {
    this.places.push(place);
    // Of members that are there twice the last counts, as for everybody else who speaks these protocols.
    this.candidates.push({ value, written: { members: 0, lossyNumber } });
  }
}

/** A request's events, sorted into what goes to which stream. */
class Sorted {
  private readonly events = new StreamPart();
  private readonly profiles = new StreamPart();
  private readonly rejected = new Set<number>();

  constructor(
    private readonly caller: Caller,
    private readonly items: Items,
    private readonly onRejected: (index: number, why: Rejection, id?: string) => void,
  ) {}

  /** Events that are charged: what could not be mapped has cost as much as one. */
  get length(): number {
    return this.events.candidates.length + this.profiles.candidates.length + this.rejected.size;
  }

  add(index: number): void {
    const { mapped, lossyNumber }: Item = this.items.at(index);
    if ('unusable' in mapped)
      return this.reject(index, { code: 'invalid_attribute', reason: mapped.unusable });
    const lacking = this.lackOf(mapped);
    if (lacking !== undefined) return this.reject(index, lacking, idOf(mapped));
    if (mapped.profile !== undefined) this.profiles.add(index, mapped.profile, lossyNumber);
    this.events.add(index, mapped.event, lossyNumber);
  }

  /** Profiles first: what is decided on an event may look at what came with it. */
  async take(services: TracedServices, tenant: string): Promise<Taken> {
    const profiles = await this.takePart(services, { tenant, stream: 'user-properties' }, this.profiles);
    // Should the events fail first, its failure is nobody's.
    profiles.written.catch(() => undefined);
    const events = await this.takePart(services, { tenant, stream: 'events' }, this.events);
    return {
      accepted: profiles.accepted + events.accepted,
      duplicate: profiles.duplicate + events.duplicate,
      rejected: this.rejected.size,
      written: Promise.all([profiles.written, events.written]),
    };
  }

  private async takePart(
    services: TracedServices,
    to: { readonly tenant: string; readonly stream: InputStream },
    { candidates, places }: StreamPart,
  ): Promise<Omit<Taken, 'rejected'>> {
    if (candidates.length === 0) return { accepted: 0, duplicate: 0, written: Promise.resolve() };
    const of = { length: candidates.length, at: (index: number) => candidates[index]! };
    return takeCandidates(services, to, of, ({ accepted, duplicate, rejected, results }, written) => {
      if (rejected > 0)
        for (const { index, id, status, code = 'invalid_data', reason = '' } of results)
          if (status === 'rejected') this.reject(places[index]!, { code, reason }, id);
      return { accepted, duplicate, written };
    });
  }

  private lackOf({ event, profile }: Mapped): Rejection | undefined {
    const types = this.caller.source?.eventTypes;
    if (types !== undefined && !types.some((each) => fitsStarred(event.type, each)))
      return { code: 'type_not_allowed', reason: `the source may not send the type ${event.type}` };
    if (profile === undefined || lackOf(this.caller, 'user-properties:write') === undefined) return undefined;
    return { code: 'type_not_allowed', reason: 'the token lacks the scope "user-properties:write"' };
  }

  /** Once, where an event is refused in both streams. */
  private reject(index: number, why: Rejection, id?: string): void {
    if (this.rejected.has(index)) return;
    this.rejected.add(index);
    this.onRejected(index, why, id);
  }
}

function idOf({ event: { id } }: Mapped): string | undefined {
  return typeof id === 'string' ? id : undefined;
}
