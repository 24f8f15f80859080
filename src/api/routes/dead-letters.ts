import { Readable } from 'node:stream';
import type Router from '@koa/router';
import type { Context } from 'koa';
import type { DeadLetters } from '../../dead-letters/dead-letters.js';
import type { Logger } from '../../observability/logger.js';
import type { Resolution } from '../../workflows/delivery-messages.js';
import { callerOf, requireScope, type Authenticator } from '../authenticate.js';
import {
  parseFilterQuery,
  parseListQuery,
  parseMany,
  parseOne,
  parseShowQuery,
} from '../dead-letter-requests.js';
import { ExportSlots } from '../export-slots.js';
import { readBody, type BodyPace } from '../read-body.js';

/** What {@link addDeadLetterRoutes} needs. */
export interface DeadLetterRouteOptions {
  readonly authenticate: Authenticator;
  readonly deadLetters: DeadLetters;
  readonly bodyPace?: BodyPace;
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

function addReading(router: Router, { authenticate, deadLetters, log }: DeadLetterRouteOptions): void {
  const mayRead = requireScope(authenticate, 'dead-letters:read');
  const slots = new ExportSlots();
  router.get('/v1/dead-letters', mayRead, async (ctx: RouteContext) => {
    answer(ctx, 200, await deadLetters.list(callerOf(ctx).tenant, parseListQuery(ctx.query)));
  });
  router.get('/v1/dead-letters/export', mayRead, async (ctx: RouteContext) => {
    const { tenant } = callerOf(ctx);
    const lines = deadLetters.export(tenant, parseFilterQuery(ctx.query));
    await stream(ctx, lines, slots.take(tenant), (error) =>
      log.error({ err: error, tenant }, 'an export failed'),
    );
  });
  router.get('/v1/dead-letters/redrives/:id', mayRead, async (ctx: RouteContext) => {
    answer(ctx, 200, await deadLetters.redrives.show(callerOf(ctx).tenant, ctx.params.id ?? ''));
  });
  router.get('/v1/dead-letters/:id', mayRead, async (ctx: RouteContext) => {
    const { tenant } = callerOf(ctx);
    answer(ctx, 200, await deadLetters.show(tenant, ctx.params.id ?? '', parseShowQuery(ctx.query)));
  });
}

function addActing(router: Router, { authenticate, deadLetters, bodyPace }: DeadLetterRouteOptions): void {
  const mayWrite = requireScope(authenticate, 'dead-letters:write');
  const read = (ctx: Context): Promise<Buffer> =>
    readBody(ctx.req, { maxBytes: MAX_BODY_BYTES, pace: bodyPace });
  for (const [verb, outcome] of Object.entries(VERBS)) {
    router.post(`/v1/dead-letters/${verb}`, mayWrite, async (ctx: RouteContext) => {
      const { filter, eventsPerSecond, reason } = parseMany(await read(ctx), outcome);
      const request = { outcome, filter, eventsPerSecond };
      answer(ctx, 202, await deadLetters.redrives.start(callerOf(ctx).tenant, request, by(ctx, reason)));
    });
    router.post(`/v1/dead-letters/:id/${verb}`, mayWrite, async (ctx: RouteContext) => {
      const { reason } = parseOne(await read(ctx), outcome);
      const { tenant } = callerOf(ctx);
      answer(ctx, 202, await deadLetters.resolve(tenant, ctx.params.id ?? '', outcome, by(ctx, reason)));
    });
  }
  router.post('/v1/dead-letters/redrives/:id/cancel', mayWrite, async (ctx: RouteContext) => {
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
    onError(error);
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
