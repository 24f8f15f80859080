import type { Context } from 'koa';
import { HeadgateError } from '../errors.js';
import type { InputStream, EventRow } from '../events/event.js';
import { traceContextIn, withTrace } from '../events/trace-context.js';
import type { EventSchemas } from '../event-schemas/event-schemas.js';
import type { TakenEvent } from '../ingest/fresh.js';
import type { Acceptance, Ingest, Receipt } from '../ingest/ingest.js';
import { bodyOf, noteHandled, permitOf } from './guard.js';
import type { Metrics } from '../observability/metrics.js';
import type { Attributes, RequestSpan, Tracing } from '../tracing/tracing.js';
import { statusOf } from './problem.js';
import { parseBody, type Candidates } from './parse-body.js';
import type { Candidate } from './candidate.js';
import { inTurns } from './in-turns.js';
import { MAX_EVENT_BYTES, isRejection, validateEvent, type Received } from './validate-event.js';
import type { Rejection } from './rejection.js';
import type { EventResult, IngestAnswer } from './schemas/events.js';

/** What the routes of events need of the server. */
export interface EventServices {
  readonly ingest: Pick<Ingest, 'accept' | 'arrivals' | 'turns'>;
  readonly metrics?: Metrics;
  /** The schemas of a tenant's events now in force; undefined where it has none. Default: no tenant has any. */
  readonly schemasOf?: (tenant: string) => EventSchemas | undefined;
  /** Follows some requests. Default: none. */
  readonly tracing?: Pick<Tracing, 'request'>;
}

const NOTHING: Acceptance = { receipts: [], written: Promise.resolve() };

/**
 * Takes the events of a request. Its answer is there once every event that it calls `accepted` or `duplicate` is flushed
 * to disk (with `HEADGATE_ACK=started`: is in Temporal), never when memory alone has it. A bad event is `rejected` with
 * its reason and spoils nothing beside it.
 * @param read takes the body apart; in a turn of the tenant's
 * @throws HeadgateError `NOTHING_ACCEPTED`, with all that would have been the answer; and what reading the body throws
 */
export async function takeEvents(
  services: EventServices,
  tenant: string,
  stream: InputStream,
  ctx: Context,
  read = (body: Buffer): Candidates => parseBody(ctx.req, body),
): Promise<string> {
  const beganAt = Date.now();
  const body = await bodyOf(ctx);
  let span: RequestSpan | undefined;
  const begin = (first: unknown): RequestSpan | undefined =>
    (span = services.tracing?.request({ tenant, stream, headers: ctx.headers, first, beganAt }));
  try {
    const taking = take({ ...services, begin, read }, tenant, stream, ctx, body);
    const { json, refusal, written, ...counts } = taking instanceof Promise ? await taking : taking;
    await written;
    noteHandled(ctx, counts, body.length);
    if (refusal !== undefined) throw refusal;
    span?.end(attributesOf(counts));
    return json;
  } catch (error) {
    span?.end({ 'http.response.status_code': statusOf(error) }, error);
    throw error;
  }
}

/** How many of a request's events had which end. */
export type Counts = Pick<IngestAnswer, 'accepted' | 'duplicate' | 'rejected'>;

/** What the span of a request says of its events. */
export function attributesOf({ accepted, duplicate, rejected }: Counts, status = 202): Attributes {
  return {
    'http.response.status_code': status,
    'headgate.events.accepted': accepted,
    'headgate.events.duplicate': duplicate,
    'headgate.events.rejected': rejected,
  };
}

/** With what begins the span of a request, once its first event is parsed. */
export interface TracedServices extends EventServices {
  readonly begin: (first: unknown) => RequestSpan | undefined;
}

/** The answer to a request, which may be given once its events are written. */
interface Taken extends Counts {
  /** {@link IngestAnswer} as JSON, written out at once: a hundred results that wait are a hundred for the garbage collector. */
  readonly json: string;
  /** What to answer instead if no event was acceptable. */
  readonly refusal?: HeadgateError;
  readonly written: Promise<unknown>;
}

/** Not asynchronous, so that nothing holds the events in memory while they are written; see {@link Ingest.accept}. */
function take(
  services: TracedServices & { readonly read: (body: Buffer) => Candidates },
  tenant: string,
  stream: InputStream,
  ctx: Context,
  body: Buffer,
): Taken | Promise<Taken> {
  const go = (candidates: Candidates): Taken | Promise<Taken> => {
    permitOf(ctx).charge(candidates.length, body.length);
    return takeCandidates(services, { tenant, stream }, candidates, takenOf);
  };
  // In one piece, where it is no more: what is parsed is garbage again before the next request.
  return services.ingest.turns.run(tenant, () => go(services.read(body)));
}

function takenOf(answer: IngestAnswer, written: Promise<unknown>): Taken {
  const { accepted, duplicate, rejected } = answer;
  return {
    accepted,
    duplicate,
    rejected,
    json: JSON.stringify(answer),
    refusal: refusalOf(answer),
    written,
  };
}

/**
 * Checks events and hands those over that are good. Not asynchronous: see {@link Ingest.accept}.
 * @param conclude makes what is kept of the results, in the same turn, until `written` says that they are on disk
 */
export function takeCandidates<T>(
  { ingest, schemasOf, metrics, begin }: TracedServices,
  { tenant, stream }: { readonly tenant: string; readonly stream: InputStream },
  candidates: Candidates,
  conclude: (answer: IngestAnswer, written: Promise<unknown>) => T,
): T | Promise<T> {
  const now = new Date();
  const received = { ms: now.getTime(), iso: now.toISOString() };
  const check = new SchemaCheck(schemasOf?.(tenant));
  const results: EventResult[] = [];
  const events: TakenEvent[] = [];
  const places: number[] = [];
  let span: RequestSpan | undefined;
  const examineAt = (index: number): void => {
    const candidate = candidates.at(index);
    if (index === 0) span = begin(valueOf(candidate));
    const taken = examine(candidate, stream, received, check, span);
    if ('reason' in taken) {
      results[index] = { index, ...idOf(candidate), status: 'rejected', ...taken };
    } else {
      places.push(index);
      events.push(taken);
    }
  };
  const accept = (): T | Promise<T> => {
    check.report(tenant, metrics);
    const accepting =
      events.length === 0 ? NOTHING : ingest.accept(tenant, stream, events, span?.context.traceparent);
    return accepting instanceof Promise ? accepting.then(answered) : answered(accepting);
  };
  const answered = ({ receipts, written }: Acceptance): T => {
    const counts = { accepted: 0, duplicate: 0, rejected: candidates.length - events.length };
    for (let at = 0; at < receipts.length; at++) {
      const index = places[at] as number;
      const result = resultOf(index, (events[at] as TakenEvent).row.id, receipts[at] as Receipt);
      results[index] = result;
      counts[result.status]++;
    }
    return conclude({ ...counts, results }, written);
  };
  const examining = inTurns({ turns: ingest.turns, tenant }, candidates.length, examineAt);
  const taking = examining === undefined ? accept() : examining.then(accept);
  if (taking instanceof Promise) ingest.arrivals.add(tenant, { done: taking });
  return taking;
}

function resultOf(index: number, id: string, receipt: Receipt): EventResult {
  if (typeof receipt === 'string') return { index, id, status: receipt };
  return { index, id, status: 'rejected', code: 'profile_full', reason: receipt.refused };
}

function refusalOf(answer: IngestAnswer): HeadgateError | undefined {
  const { rejected, results } = answer;
  if (results.length === 0 || rejected < results.length) return undefined;
  const reason = results.length === 1 ? results[0]?.reason : undefined;
  const detail = reason ?? 'None of the events is acceptable; see results.';
  return new HeadgateError('NOTHING_ACCEPTED', detail, { details: { ...answer } });
}

function examine(
  candidate: Candidate,
  stream: InputStream,
  received: Received,
  check: SchemaCheck,
  span: RequestSpan | undefined,
): TakenEvent | Rejection {
  if ('unreadable' in candidate) return { code: 'unreadable', reason: candidate.unreadable };
  if ('excess' in candidate) return { code: 'invalid_data', reason: candidate.excess };
  const valid = validateEvent(candidate.value, stream, received, candidate.written);
  if (isRejection(valid)) return valid;
  const row = span === undefined ? valid : traced(valid, span);
  // Written out once: for its size here, for the spool later.
  const json = JSON.stringify(row);
  // A text's length settles it for all but the very large.
  const size = json.length * 3 <= MAX_EVENT_BYTES ? json.length : Buffer.byteLength(json);
  // Before its schema: what that can cost goes by the event's size.
  if (size <= MAX_EVENT_BYTES) return check.rejectionOf(row) ?? { row, json };
  return { code: 'too_large', reason: `an event may have ${MAX_EVENT_BYTES} bytes, this one has ${size}` };
}

/** Its own context counts where an event has one: its producer has begun there. */
function traced(row: EventRow, span: RequestSpan): EventRow {
  const own = traceContextIn(row.extensions);
  if (own !== undefined) span.brings(own);
  return withTrace(row, span.context);
}

function valueOf(candidate: Candidate): unknown {
  return 'value' in candidate ? candidate.value : undefined;
}

function idOf(candidate: Candidate): { id?: string } {
  const id = 'value' in candidate ? (candidate.value as { id?: unknown } | null)?.id : undefined;
  return typeof id === 'string' ? { id: id.slice(0, 512) } : {};
}

/** Checks the events of one request against their tenant's schemas, and counts those that do not fit. */
class SchemaCheck {
  private readonly violations = { enforce: 0, warn: 0 };

  /** @param schemas undefined for a tenant that has none */
  constructor(private readonly schemas: EventSchemas | undefined) {}

  /** Undefined for an event that may come in. */
  rejectionOf(row: EventRow): Rejection | undefined {
    const schema = this.schemas?.find(row);
    if (schema === undefined || schema.mode === 'off') return undefined;
    const problem = schema.problemOf(row);
    if (problem === undefined) return undefined;
    this.violations[schema.mode]++;
    if (schema.mode === 'warn') return undefined;
    const { pointer, message } = problem;
    return { code: 'schema_violation', reason: `data${pointer} ${message}`, pointer };
  }

  /** Puts what was counted into the metrics; to be called once all events have been looked at. */
  report(tenant: string, metrics: Pick<Metrics, 'schemaViolations'> | undefined): void {
    for (const mode of ['enforce', 'warn'] as const)
      if (this.violations[mode] > 0) metrics?.schemaViolations(tenant, mode, this.violations[mode]);
  }
}
