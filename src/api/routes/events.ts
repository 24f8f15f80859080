import type Router from '@koa/router';
import type { Context } from 'koa';
import { HeadgateError } from '../../errors.js';
import { INPUT_STREAMS, type InputStream } from '../../event.js';
import type { Admission } from '../../ingest/admission/admission.js';
import type { Permit } from '../../ingest/admission/permit.js';
import type { Ingest, Receipt, TakenEvent } from '../../ingest/ingest.js';
import { admitted, noteHandled, permitOf } from '../admitted.js';
import type { Metrics } from '../../observability/metrics.js';
import { callerOf, requireScope, type Authenticator } from '../authenticate.js';
import { parseBody, type Candidate } from '../parse-body.js';
import { readBody, type BodyPace } from '../read-body.js';
import {
  MAX_EVENT_BYTES,
  isRejection,
  validateEvent,
  type Received,
  type RejectionCode,
} from '../validate-event.js';

/** What became of one event of a request; `index` is its place in the request, counted from 0. */
export interface EventResult {
  readonly index: number;
  readonly id?: string;
  readonly status: 'accepted' | 'duplicate' | 'rejected';
  readonly code?: RejectionCode;
  readonly reason?: string;
}

/** The answer to a request: counts, and a result for every event. */
export interface IngestAnswer {
  readonly accepted: number;
  readonly duplicate: number;
  readonly rejected: number;
  readonly results: readonly EventResult[];
}

/** What {@link addEventRoutes} needs. */
export interface EventRouteOptions {
  readonly authenticate: Authenticator;
  readonly admission: Admission;
  readonly ingest: Ingest;
  readonly bodyPace?: BodyPace;
  readonly metrics?: Metrics;
}

/** Largest request body, inflated: 4 MB. */
export const MAX_BODY_BYTES = 4_000_000;

/**
 * Adds `POST /v1/events` and `POST /v1/user-properties`. A 202 means that every event it calls `accepted` or
 * `duplicate` is flushed to disk (with `HEADGATE_ACK=started`: is in Temporal), never that memory has it. A bad event
 * is `rejected` with its reason and spoils nothing beside it; if none is acceptable the answer is 422.
 */
export function addEventRoutes(router: Router, options: EventRouteOptions): void {
  const { authenticate, ingest, bodyPace: pace } = options;
  const door = admitted({ ...options, maxBytes: MAX_BODY_BYTES });
  for (const stream of INPUT_STREAMS) {
    const mayWrite = requireScope(authenticate, `${stream}:write`);
    router.post(`/v1/${stream}`, mayWrite, door, async (ctx: Context) => {
      const permit = permitOf(ctx);
      const read = { maxBytes: MAX_BODY_BYTES, pace, onBytes: permit.received };
      const { tenant } = callerOf(ctx);
      const body = await readBody(ctx.req, read);
      const answer = await take(ingest, tenant, stream, parsed(ctx, body, permit));
      noteHandled(ctx, answer, body.length);
      if (answer.results.length > 0 && answer.rejected === answer.results.length) {
        const detail =
          answer.results.length === 1
            ? answer.results[0]?.reason
            : 'None of the events is acceptable; see results.';
        throw new HeadgateError('NOTHING_ACCEPTED', detail ?? 'None of the events is acceptable.', {
          details: { ...answer },
        });
      }
      ctx.status = 202;
      ctx.body = JSON.stringify(answer);
      ctx.type = 'application/json';
    });
  }
}

function parsed(ctx: Context, body: Buffer, permit: Permit): Candidate[] {
  const candidates = parseBody(ctx.headers, body);
  permit.charge(candidates.length, body.length);
  return candidates;
}

/** A request's events, looked at and handed to ingest. */
interface Handed {
  /** By place in the request; of what was taken on, the status is open. */
  readonly results: EventResult[];
  /** Places and ids of what was taken on. */
  readonly places: readonly number[];
  readonly ids: readonly string[];
  readonly rejected: number;
  readonly receipts: Promise<readonly Receipt[]>;
}

async function take(
  ingest: Ingest,
  tenant: string,
  stream: InputStream,
  candidates: readonly Candidate[],
): Promise<IngestAnswer> {
  const { results, places, ids, rejected, receipts } = handOver(ingest, tenant, stream, candidates);
  const counts = { accepted: 0, duplicate: 0, rejected };
  for (const [at, status] of (await receipts).entries()) {
    const index = places[at] as number;
    results[index] = { index, id: ids[at], status };
    counts[status]++;
  }
  return { ...counts, results };
}

/** In a function of its own, so that nothing holds the events in memory while their write is waited for. */
function handOver(
  ingest: Ingest,
  tenant: string,
  stream: InputStream,
  candidates: readonly Candidate[],
): Handed {
  const now = new Date();
  const received = { ms: now.getTime(), iso: now.toISOString() };
  const results: EventResult[] = [];
  const events: TakenEvent[] = [];
  const places: number[] = [];
  candidates.forEach((candidate, index) => {
    const taken = examine(candidate, stream, received);
    if ('reason' in taken) {
      results[index] = { index, ...idOf(candidate), status: 'rejected', ...taken };
    } else {
      places.push(index);
      events.push(taken);
    }
  });
  const receipts = events.length === 0 ? Promise.resolve([]) : ingest.accept(tenant, stream, events);
  const rejected = candidates.length - events.length;
  return { results, places, ids: events.map(({ row }) => row.id), rejected, receipts };
}

function examine(
  candidate: Candidate,
  stream: InputStream,
  received: Received,
): TakenEvent | { code: RejectionCode; reason: string } {
  if ('unreadable' in candidate) return { code: 'unreadable', reason: candidate.unreadable };
  const row = validateEvent(candidate.value, stream, received);
  if (isRejection(row)) return row;
  // Written out once: for its size here, for the spool later.
  const json = JSON.stringify(row);
  // A text's length settles it for all but the very large.
  const size = json.length * 3 <= MAX_EVENT_BYTES ? json.length : Buffer.byteLength(json);
  if (size <= MAX_EVENT_BYTES) return { row, json };
  return { code: 'too_large', reason: `an event may have ${MAX_EVENT_BYTES} bytes, this one has ${size}` };
}

function idOf(candidate: Candidate): { id?: string } {
  const id = 'value' in candidate ? (candidate.value as { id?: unknown } | null)?.id : undefined;
  return typeof id === 'string' ? { id: id.slice(0, 512) } : {};
}
