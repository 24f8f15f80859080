import type Router from '@koa/router';
import type { Context } from 'koa';
import { callerOf, requireScope, type Authenticator } from '../authenticate.js';
import { readBody, type BodyPace } from '../read-body.js';
import { parseReplayRequest } from '../replay-request.js';
import type { Replays } from '../replays.js';

/** What {@link addReplayRoutes} needs. */
export interface ReplayRouteOptions {
  readonly authenticate: Authenticator;
  readonly replays: Replays;
  readonly bodyPace?: BodyPace;
}

const MAX_BODY_BYTES = 64_000;

type WithParams = Context & { params: Record<string, string> };

/**
 * Adds `POST /v1/replays` (202 once Temporal has it), `GET /v1/replays`, `GET /v1/replays/:id` (how far it is, or its
 * report), `POST /v1/replays/:id/cancel`, and `GET /v1/retention`: how far back replay reaches. All of them are about the
 * caller's own tenant.
 */
export function addReplayRoutes(router: Router, options: ReplayRouteOptions): void {
  const { authenticate, replays, bodyPace: pace } = options;
  const mayRead = requireScope(authenticate, 'replays:read');
  const mayWrite = requireScope(authenticate, 'replays:write');

  router.post('/v1/replays', mayWrite, async (ctx: Context) => {
    const request = parseReplayRequest(await readBody(ctx.req, { maxBytes: MAX_BODY_BYTES, pace }));
    const started = await replays.start(callerOf(ctx).tenant, request);
    ctx.set('Location', `/v1/replays/${started.id}`);
    answer(ctx, 202, started);
  });
  router.get('/v1/replays', mayRead, async (ctx: Context) => {
    const { tenant } = callerOf(ctx);
    answer(ctx, 200, { replays: await replays.list(tenant), reach: await replays.reach(tenant) });
  });
  router.get('/v1/replays/:id', mayRead, async (ctx: WithParams) => {
    answer(ctx, 200, await replays.show(callerOf(ctx).tenant, ctx.params.id ?? ''));
  });
  router.post('/v1/replays/:id/cancel', mayWrite, async (ctx: WithParams) => {
    await replays.cancel(callerOf(ctx).tenant, ctx.params.id ?? '');
    answer(ctx, 202, { id: ctx.params.id, status: 'cancelling' });
  });
  router.get('/v1/retention', mayRead, async (ctx: Context) => {
    answer(ctx, 200, await replays.reach(callerOf(ctx).tenant));
  });
}

function answer(ctx: Context, status: number, body: object): void {
  ctx.status = status;
  ctx.body = JSON.stringify(body);
  ctx.type = 'application/json';
}
