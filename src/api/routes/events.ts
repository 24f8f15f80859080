import type Router from '@koa/router';
import type { Context } from 'koa';
import { HeadgateError } from '../../errors.js';
import { INPUT_STREAMS, type InputStream } from '../../event.js';
import type { Ingest, TakenEvent } from '../../ingest/ingest.js';
import { callerOf, requireScope, type Authenticator } from '../authenticate.js';
import { parseBody, type Candidate } from '../parse-body.js';
import { readBody } from '../read-body.js';
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

/** Largest request body, inflated: 4 MB. */
export const MAX_BODY_BYTES = 4_000_000;

/**
 * Adds `POST /v1/events` and `POST /v1/user-properties`. A 202 means that every event it calls `accepted` or
 * `duplicate` is flushed to disk (with `HEADGATE_ACK=started`: is in Temporal), never that memory has it. A bad event
 * is `rejected` with its reason and spoils nothing beside it; if none is acceptable the answer is 422.
 */
export function addEventRoutes(router: Router, authenticate: Authenticator, ingest: Ingest): void {
  for (const stream of INPUT_STREAMS) {
    router.post(`/v1/${stream}`, requireScope(authenticate, `${stream}:write`), async (ctx: Context) => {
      const body = await readBody(ctx.req, MAX_BODY_BYTES);
      const answer = await take(
        ingest,
        callerOf(ctx).tenant,
        stream,
        parseBody(ctx.headers, body),
        body.length,
      );
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
  bytes: number,
): Promise<IngestAnswer> {
  const receivedAt = new Date();
  const received = { ms: receivedAt.getTime(), iso: receivedAt.toISOString() };
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
  const receipts = events.length === 0 ? [] : await ingest.accept(tenant, stream, events, bytes);
  const counts = { accepted: 0, duplicate: 0, rejected: candidates.length - events.length };
  receipts.forEach((status, at) => {
    const index = places[at] as number;
    results[index] = { index, id: events[at]?.row.id, status };
    counts[status]++;
  });
  return { ...counts, results };
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
