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
    const paths = [route.path, ...(route.aliases ?? [])].map((path) => path.replaceAll(/\{(\w+)\}/g, ':$1'));
    const answer = answerer(route, services);
    const add = adderOf(router, route);
    if (route.scope === undefined) add(paths, answer);
    else if (guard !== undefined) add(paths, guard(route.scope, route), answer);
    else throw new Error(`${route.path} needs a token, and there is no guard.`);
  }
}

function adderOf(router: Router, { method }: RouteShape): Router['get'] {
  const adders = { GET: router.get, POST: router.post, PUT: router.put, DELETE: router.delete };
  return adders[method].bind(router) as Router['get'];
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
    // What has no body says it in its query.
    const reason = textIn(call.body, 'reason') ?? textIn(call.query, 'reason');
    ctx.state.told = { reason } satisfies Told;
    const value = await route.handle(services, call);
    if (route.method !== 'GET') ctx.state.told = { reason, made: madeIn(route, value) } satisfies Told;
    if (value === ANSWERED) return;
    ctx.status = answer.status;
    ctx.body = JSON.stringify(value);
    ctx.type = 'application/json';
  };
}

/** The id of what was made; of what was put in a place, its version. */
function madeIn({ method }: RouteShape, value: unknown): string | undefined {
  return textIn(value, method === 'POST' ? 'id' : 'version');
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
