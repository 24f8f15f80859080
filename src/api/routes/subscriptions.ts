import type Router from '@koa/router';
import type { Context } from 'koa';
import { HeadgateError } from '../../errors.js';
import { LIST_COST } from '../../ingest/admission/calls.js';
import { ownSchema } from '../../tenants/own-schema.js';
import type { SubscriptionControl, StatusChange } from '../../subscriptions/control.js';
import type { SubscriptionOverviews } from '../../subscriptions/overview.js';
import { assertSubscriptionName } from '../../tenants/ids.js';
import { callerOf } from '../authenticate.js';
import { bodyOf, type Guard } from '../guard.js';

/** What {@link addSubscriptionRoutes} needs. */
export interface SubscriptionRoutesOptions {
  readonly control: Pick<SubscriptionControl, 'change'>;
  readonly overviews: Pick<SubscriptionOverviews, 'asking' | 'list' | 'show'>;
}

/** What each verb makes of a subscription. */
const CHANGES = { pause: 'paused', resume: 'active', drain: 'draining' } as const;

const MAX_BODY_BYTES = 10_000;

const isReason = ownSchema<{ reason?: string }>({
  type: 'object',
  additionalProperties: false,
  properties: { reason: { type: 'string', maxLength: 500 } },
});

type NamedContext = Context & { params: Record<string, string> };

/**
 * Adds `GET /v1/subscriptions` and `GET /v1/subscriptions/:name`, and `POST /v1/subscriptions/:name/pause`, `/resume` and
 * `/drain` with an optional body `{"reason": …}`. Only the caller's own tenant is looked at and changed.
 */
export function addSubscriptionRoutes(
  router: Router,
  guard: Guard,
  { control, overviews }: SubscriptionRoutesOptions,
): void {
  const mayRead = guard('subscriptions:read', { temporalCost: LIST_COST });
  const mayWrite = guard('subscriptions:write', { maxBytes: MAX_BODY_BYTES, temporalCost: LIST_COST });
  router.get('/v1/subscriptions', mayRead, async (ctx: Context) => {
    answer(ctx, { subscriptions: await overviews.list(callerOf(ctx).tenant) });
  });
  router.get('/v1/subscriptions/:name', mayRead, async (ctx: NamedContext) => {
    answer(ctx, await overviews.show(callerOf(ctx).tenant, assertSubscriptionName(ctx.params.name)));
  });
  for (const [verb, to] of Object.entries(CHANGES)) {
    router.post(`/v1/subscriptions/:name/${verb}`, mayWrite, async (ctx: NamedContext) => {
      const name = assertSubscriptionName(ctx.params.name);
      const { tenant, subject } = callerOf(ctx);
      const change: StatusChange = { to, by: subject, ...(await reasonOf(ctx)) };
      const standing = await overviews.asking(() => control.change(tenant, name, change));
      answer(ctx, { name, ...standing });
    });
  }
}

async function reasonOf(ctx: Context): Promise<{ reason?: string }> {
  const body = await bodyOf(ctx);
  if (body.length === 0) return {};
  const problem = 'The body must be {"reason": "…"}, of up to 500 characters, or empty.';
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    if (isReason(value)) return value;
  } catch (error) {
    throw new HeadgateError('BODY_MALFORMED', problem, { cause: error });
  }
  throw new HeadgateError('BODY_MALFORMED', problem);
}

function answer(ctx: Context, body: object): void {
  ctx.body = JSON.stringify(body);
  ctx.type = 'application/json';
}
