import type { EventRow, InputStream } from '../event.js';
import type { RouteConfig } from '../tenant-config/subscription-config.js';
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
  const routes = compiled.routes.map((route): RouteExplanation => {
    const because = mismatch(route, event, stream);
    const { match, to } = configured[route.index] as RouteConfig;
    return { index: route.index, match, to, matches: because === undefined, ...(because && { because }) };
  });
  return { routes, targets: router.targets(event, stream) };
}

/** The first thing that does not fit, in words; undefined if all does. */
function mismatch(route: CompiledRoute, event: EventRow, stream: InputStream): string | undefined {
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
  return route.when === undefined ? undefined : whenFails(route.when, event);
}

function whenFails(when: NonNullable<CompiledRoute['when']>, event: EventRow): string | undefined {
  try {
    const result: unknown = when({ event: celEvent(event) });
    return result === true ? undefined : `"when" gives ${String(result)}`;
  } catch (error) {
    const { summary, message } = error as { summary?: string; message?: string };
    return `"when" fails: ${summary ?? message ?? 'unknown error'}`;
  }
}
