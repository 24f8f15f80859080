import { Readable } from 'node:stream';
import type Router from '@koa/router';
import type { Context } from 'koa';
import type { DeadLetters } from '../../dead-letters/dead-letters.js';
import type { Logger } from '../../platform/logger.js';
import type { Resolution } from '../../workflows/messages/deliveries.js';
import { LIST_COST } from '../../ingest/admission/calls.js';
import { callerOf } from '../authenticate.js';
import {
  parseFilterQuery,
  parseListQuery,
  parseMany,
  parseOne,
  parseShowQuery,
} from '../dead-letter-requests.js';
import { ExportSlots } from '../export-slots.js';
import { bodyOf, type Guard } from '../guard.js';
import { paced, type ReaderPace } from '../reader-pace.js';

/** What {@link addDeadLetterRoutes} needs. */
export interface DeadLetterRouteOptions {
  readonly guard: Guard;
  readonly deadLetters: DeadLetters;
  /** How slowly an export may be read. Default: any for 30 s, then 16,000 bytes/s. */
  readonly exportPace?: ReaderPace;
  readonly log: Logger;
}

type RouteContext = Context & { params: Record<string, string> };

const MAX_BODY_BYTES = 16_384;

const VERBS = { redrive: 'redriven', discard: 'discarded' } as const;

/**
 * Adds the routes under `/v1/dead-letters`: list, show, export; redrive and discard one, or many by a filter; how far
 * that is, and its end. An id is `<subscription>~<batch>~…`, the workflow id's parts after the tenant. A 202 means that
 * Temporal has what was asked for. Who asked, the token's subject, goes into the history of each dead letter.
 */
export function addDeadLetterRoutes(router: Router, options: DeadLetterRouteOptions): void {
  addReading(router, options);
  addActing(router, options);
}

function addReading(router: Router, { guard, deadLetters, exportPace, log }: DeadLetterRouteOptions): void {
  const mayLook = guard('dead-letters:read', { temporalCost: 1 });
  const mayList = guard('dead-letters:read', { temporalCost: LIST_COST });
  const slots = new ExportSlots();
  router.get('/v1/dead-letters', mayList, async (ctx: RouteContext) => {
    answer(ctx, 200, await deadLetters.list(callerOf(ctx).tenant, parseListQuery(ctx.query)));
  });
  router.get('/v1/dead-letters/export', mayList, async (ctx: RouteContext) => {
    const { tenant } = callerOf(ctx);
    const lines = deadLetters.export(tenant, parseFilterQuery(ctx.query));
    const cut = (): void => {
      log.warn('EXPORT_CUT', { tenant });
      ctx.res.destroy();
    };
    await stream(ctx, paced(lines, cut, exportPace), slots.take(tenant), (error) =>
      log.error('EXPORT_FAILED', { err: error, tenant }),
    );
  });
  router.get('/v1/dead-letters/redrives/:id', mayLook, async (ctx: RouteContext) => {
    answer(ctx, 200, await deadLetters.redrives.show(callerOf(ctx).tenant, ctx.params.id ?? ''));
  });
  router.get('/v1/dead-letters/:id', mayLook, async (ctx: RouteContext) => {
    const { tenant } = callerOf(ctx);
    answer(ctx, 200, await deadLetters.show(tenant, ctx.params.id ?? '', parseShowQuery(ctx.query)));
  });
}

function addActing(router: Router, { guard, deadLetters }: DeadLetterRouteOptions): void {
  const body = { maxBytes: MAX_BODY_BYTES };
  const mayStart = guard('dead-letters:write', { ...body, temporalCost: LIST_COST });
  const mayResolve = guard('dead-letters:write', { ...body, temporalCost: 1 });
  for (const [verb, outcome] of Object.entries(VERBS)) {
    router.post(`/v1/dead-letters/${verb}`, mayStart, async (ctx: RouteContext) => {
      const { filter, eventsPerSecond, reason } = parseMany(await bodyOf(ctx), outcome);
      const request = { outcome, filter, eventsPerSecond };
      answer(ctx, 202, await deadLetters.redrives.start(callerOf(ctx).tenant, request, by(ctx, reason)));
    });
    router.post(`/v1/dead-letters/:id/${verb}`, mayResolve, async (ctx: RouteContext) => {
      const { reason } = parseOne(await bodyOf(ctx), outcome);
      const { tenant } = callerOf(ctx);
      answer(ctx, 202, await deadLetters.resolve(tenant, ctx.params.id ?? '', outcome, by(ctx, reason)));
    });
  }
  router.post('/v1/dead-letters/redrives/:id/cancel', mayResolve, async (ctx: RouteContext) => {
    const { tenant } = callerOf(ctx);
    answer(ctx, 202, await deadLetters.redrives.cancel(tenant, ctx.params.id ?? '', by(ctx)));
  });
}

function by(ctx: Context, reason?: string): Resolution {
  return { actor: callerOf(ctx).subject, ...(reason !== undefined && { reason }) };
}

function answer(ctx: Context, status: number, body: object): void {
  ctx.status = status;
  ctx.body = JSON.stringify(body);
  ctx.type = 'application/json';
}

/**
 * Sends lines as fast as they are read. What fails before the first is answered; what fails later cuts the connection: a
 * short answer must not look whole.
 */
async function stream(
  ctx: Context,
  lines: AsyncGenerator<string, void>,
  onEnd: () => void,
  onError: (error: Error) => void,
): Promise<void> {
  const first = await lines.next().catch((error: unknown) => {
    onEnd();
    throw error;
  });
  const body = Readable.from(goOn(first, lines));
  body.once('close', onEnd).once('error', (error) => {
    // Where the connection was cut or left, that is all that has failed.
    if (!ctx.res.destroyed) onError(error);
    ctx.res.destroy();
  });
  ctx.body = body;
  ctx.type = 'application/x-ndjson';
}

async function* goOn(
  first: IteratorResult<string, void>,
  lines: AsyncGenerator<string, void>,
): AsyncGenerator<string> {
  if (first.done === true) return;
  yield first.value;
  yield* lines;
}
