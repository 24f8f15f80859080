import type Router from '@koa/router';
import type { Context } from 'koa';
import { LIST_COST } from '../../ingest/admission/calls.js';
import { callerOf } from '../authenticate.js';
import { bodyOf, type Guard } from '../guard.js';
import { parseReplayRequest } from '../../replays/replay-request.js';
import type { Replays } from '../../replays/replays.js';

/** What {@link addReplayRoutes} needs. */
export interface ReplayRouteOptions {
  readonly guard: Guard;
  readonly replays: Replays;
}

const MAX_BODY_BYTES = 64_000;

type WithParams = Context & { params: Record<string, string> };

/**
 * Adds `POST /v1/replays` (202 once Temporal has it), `GET /v1/replays`, `GET /v1/replays/:id` (how far it is, or its
 * report), `POST /v1/replays/:id/cancel`, and `GET /v1/retention`: how far back replay reaches. All of them are about the
 * caller's own tenant.
 */
export function addReplayRoutes(router: Router, options: ReplayRouteOptions): void {
  const { guard, replays } = options;
  const mayLook = guard('replays:read', { temporalCost: 1 });
  const mayList = guard('replays:read', { temporalCost: LIST_COST });
  const mayStart = guard('replays:write', { maxBytes: MAX_BODY_BYTES, temporalCost: LIST_COST });
  const mayCancel = guard('replays:write', { temporalCost: 1 });

  router.post('/v1/replays', mayStart, async (ctx: Context) => {
    const request = parseReplayRequest(await bodyOf(ctx));
    const started = await replays.start(callerOf(ctx).tenant, request);
    ctx.set('Location', `/v1/replays/${started.id}`);
    answer(ctx, 202, started);
  });
  router.get('/v1/replays', mayList, async (ctx: Context) => {
    const { tenant } = callerOf(ctx);
    answer(ctx, 200, { replays: await replays.list(tenant), reach: await replays.reach(tenant) });
  });
  router.get('/v1/replays/:id', mayLook, async (ctx: WithParams) => {
    answer(ctx, 200, await replays.show(callerOf(ctx).tenant, ctx.params.id ?? ''));
  });
  router.post('/v1/replays/:id/cancel', mayCancel, async (ctx: WithParams) => {
    await replays.cancel(callerOf(ctx).tenant, ctx.params.id ?? '');
    answer(ctx, 202, { id: ctx.params.id, status: 'cancelling' });
  });
  router.get('/v1/retention', mayLook, async (ctx: Context) => {
    answer(ctx, 200, await replays.reach(callerOf(ctx).tenant));
  });
}

function answer(ctx: Context, status: number, body: object): void {
  ctx.status = status;
  ctx.body = JSON.stringify(body);
  ctx.type = 'application/json';
}
