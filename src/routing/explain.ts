import type { EventRow, InputStream } from '../events/event.js';
import { Budget } from '../expressions/budget.js';
import { Fault } from '../expressions/fault.js';
import { toJson } from '../expressions/to-json.js';
import type { RouteConfig } from './route-config.js';
import { celEvent } from '../rules/cel-event.js';
import { matchesType } from './compile.js';
import type { CompiledRoute, CompiledRoutes } from './compiled.js';
import { Router } from './router.js';

/** What one route makes of an event. */
export interface RouteExplanation {
  readonly index: number;
  readonly match: RouteConfig['match'];
  readonly to: readonly string[];
  readonly matches: boolean;
  /** Why not, where it does not match. */
  readonly because?: string;
}

/** What a tenant's routes make of an event. */
export interface Explanation {
  readonly routes: readonly RouteExplanation[];
  /** Where the event goes. */
  readonly targets: ReturnType<Router['targets']>;
}

/** Says of each route whether it matches an event and, if not, what it fails on. */
export function explain(
  compiled: CompiledRoutes,
  configured: readonly RouteConfig[],
  event: EventRow,
  stream: InputStream,
): Explanation {
  const router = new Router(compiled);
  // All routes share one, as they do when the event is routed.
  const budget = new Budget();
  const routes = compiled.routes.map((route): RouteExplanation => {
    const because = mismatch(route, event, stream, budget);
    const { match, to } = configured[route.index] as RouteConfig;
    return { index: route.index, match, to, matches: because === undefined, ...(because && { because }) };
  });
  return { routes, targets: router.targets(event, stream) };
}

/** The first thing that does not fit, in words; undefined if all does. */
function mismatch(
  route: CompiledRoute,
  event: EventRow,
  stream: InputStream,
  budget: Budget,
): string | undefined {
  if (!matchesType(route.type, event.type)) return `the type is ${JSON.stringify(event.type)}`;
  if (route.stream !== undefined && route.stream !== stream) return `the stream is ${stream}`;
  for (const attribute of ['priority', 'stage'] as const) {
    const wanted = route[attribute];
    const value = event[attribute];
    if (wanted !== undefined && wanted !== value)
      return value === undefined
        ? `the event has no ${attribute}`
        : `its ${attribute} is ${JSON.stringify(value)}`;
  }
  return route.when === undefined ? undefined : whenFails(route.when, event, budget);
}

function whenFails(
  when: NonNullable<CompiledRoute['when']>,
  event: EventRow,
  budget: Budget,
): string | undefined {
  const result = when.run({ event: celEvent(event) }, budget);
  if (result === true) return undefined;
  return result instanceof Fault
    ? `"when" fails: ${result.reason.replace(/^error: /, '')}`
    : `"when" gives ${JSON.stringify(toJson(result))}`;
}
