import type Router from '@koa/router';
import type { Context } from 'koa';
import { HeadgateError } from '../../errors.js';
import { INPUT_STREAMS, type EventRow, type InputStream } from '../../event.js';
import type { Admission } from '../../ingest/admission/admission.js';
import type { Ingest } from '../../ingest/ingest.js';
import type { Metrics } from '../../observability/metrics.js';
import { admitted, noteHandled, permitOf } from '../admitted.js';
import { callerOf, requireScope, type Authenticator } from '../authenticate.js';
import { parseBody, type Candidate } from '../parse-body.js';
import { readBody, type BodyPace } from '../read-body.js';
import { MAX_EVENT_BYTES, isRejection, validateEvent, type RejectionCode } from '../validate-event.js';

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
      const body = await readBody(ctx.req, read);
      const candidates = parseBody(ctx.headers, body);
      permit.charge(candidates.length, body.length);
      const answer = await take(ingest, callerOf(ctx).tenant, stream, candidates);
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

async function take(
  ingest: Ingest,
  tenant: string,
  stream: InputStream,
  candidates: readonly Candidate[],
): Promise<IngestAnswer> {
  const receivedAt = Date.now();
  const results: EventResult[] = [];
  const rows: EventRow[] = [];
  const places: number[] = [];
  candidates.forEach((candidate, index) => {
    const taken = examine(candidate, stream, receivedAt);
    if ('reason' in taken) return results.push({ index, ...idOf(candidate), status: 'rejected', ...taken });
    places.push(index);
    return rows.push(taken);
  });
  const receipts = rows.length === 0 ? [] : await ingest.accept(tenant, stream, rows);
  receipts.forEach((status, at) => results.push({ index: places[at] as number, id: rows[at]?.id, status }));
  results.sort((left, right) => left.index - right.index);
  const count = (status: EventResult['status']): number =>
    results.filter((result) => result.status === status).length;
  return { accepted: count('accepted'), duplicate: count('duplicate'), rejected: count('rejected'), results };
}

function examine(
  candidate: Candidate,
  stream: InputStream,
  receivedAt: number,
): EventRow | { code: RejectionCode; reason: string } {
  if ('unreadable' in candidate) return { code: 'unreadable', reason: candidate.unreadable };
  const row = validateEvent(candidate.value, stream, receivedAt);
  if (isRejection(row)) return row;
  const size = sizeOf(row);
  if (size <= MAX_EVENT_BYTES) return row;
  return { code: 'too_large', reason: `an event may have ${MAX_EVENT_BYTES} bytes, this one has ${size}` };
}

/** Bytes of the event's JSON; a text's length settles it for all but the very large. */
function sizeOf(row: EventRow): number {
  const json = JSON.stringify(row);
  return json.length * 3 <= MAX_EVENT_BYTES ? json.length : Buffer.byteLength(json);
}

function idOf(candidate: Candidate): { id?: string } {
  const id = 'value' in candidate ? (candidate.value as { id?: unknown } | null)?.id : undefined;
  return typeof id === 'string' ? { id: id.slice(0, 512) } : {};
}
