import type Router from '@koa/router';
import type { Context } from 'koa';
import type { Told } from './acts.js';
import { callerOf } from './authenticate.js';
import { reachOf } from './caller.js';
import { bodyOf, type Guard } from './guard.js';
import { bodyReader, queryReader } from './request.js';
import { tenantOf } from './tenant-of-request.js';
import { ANSWERED, type Call, type CallCaller, type Route, type RouteShape } from './route.js';

type RoutedContext = Context & { params: Record<string, string> };

/** Has a router answer routes, in their order: of two that match, the first. One with a scope stands behind the guard. */
export function mount<Services>(
  router: Router,
  routes: readonly Route<Services>[],
  services: Services,
  guard?: Guard,
): void {
  for (const route of routes) {
    const path = route.path.replaceAll(/\{(\w+)\}/g, ':$1');
    const answer = answerer(route, services);
    const add = route.method === 'GET' ? router.get.bind(router) : router.post.bind(router);
    if (route.scope === undefined) add(path, answer);
    else if (guard !== undefined) add(path, guard(route.scope, route), answer);
    else throw new Error(`${route.path} needs a token, and there is no guard.`);
  }
}

function answerer<Services>(
  route: Route<Services>,
  services: Services,
): (ctx: RoutedContext) => Promise<void> {
  const { query, body, answer } = route;
  const readQuery = query && queryReader(query);
  const readBody =
    body === undefined || body.read === 'raw' ? undefined : (body.read ?? bodyReader(body.schema));
  return async (ctx) => {
    const call = {
      ctx,
      ...(route.scope === undefined ? NOBODY : callingOf(ctx)),
      params: ctx.params,
      query: readQuery?.(ctx.query),
      body: readBody?.(await bodyOf(ctx)),
    } as Call<RouteShape>;
    const reason = textIn(call.body, 'reason');
    ctx.state.told = { reason } satisfies Told;
    const value = await route.handle(services, call);
    if (route.method === 'POST') ctx.state.told = { reason, made: textIn(value, 'id') } satisfies Told;
    if (value === ANSWERED) return;
    ctx.status = answer.status;
    ctx.body = JSON.stringify(value);
    ctx.type = 'application/json';
  };
}

/** A text that a body or an answer has by a name; for the audit log. */
function textIn(value: unknown, name: string): string | undefined {
  const text =
    typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  return typeof text === 'string' ? text : undefined;
}

type Calling = { readonly tenant: string | undefined; readonly caller: CallCaller };

const NOBODY: Calling = { tenant: '', caller: { role: 'nobody', subject: '', reach: reachOf([]) } };

/** Who calls, and what about: once a tenant is named, nothing else is within reach. */
function callingOf(ctx: Context): Calling {
  const { role, subject, reach, tenant: own } = callerOf(ctx);
  const tenant = tenantOf(ctx);
  // A tenant's own token reaches nothing else as it is.
  const narrowed = tenant === undefined || tenant === own ? reach : reachOf([tenant]);
  return { tenant, caller: { role, subject, reach: narrowed } };
}
