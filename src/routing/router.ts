import type { EventRow, InputStream } from '../event.js';
import { celEvent } from '../rules/cel-event.js';
import type { Priority } from '../subscription.js';
import { matchesType } from './compile.js';
import type { CompiledRoute, CompiledRoutes } from './compiled.js';

/** Types whose routes are remembered; beyond them, which only a producer that makes types up reaches, each is looked up. */
const MAX_TYPES = 10_000;

/** Where an event goes. */
export interface Target {
  readonly subscription: string;
  readonly priority: Priority;
}

/** A subscription, and what its routes say of priority. */
type Aim = readonly [subscription: string, sets: Priority | undefined];

/** What is known of a type's routes before an event is looked at. */
interface TypeRoutes {
  readonly routes: readonly CompiledRoute[];
  /** Where every event of the type goes; undefined where that depends on more than its type. */
  readonly aims?: readonly Aim[];
}

/**
 * Matches events against a tenant's routes. What routes are for an event's type is worked out once per type, so that
 * hundreds of routes cost an event one look-up; then the few that are left are looked at in order.
 */
export class Router {
  private readonly byType = new Map<string, TypeRoutes>();

  constructor(private readonly compiled: CompiledRoutes) {}

  /** True when derived events may have routes. */
  get routesDerived(): boolean {
    return this.compiled.derived;
  }

  /** Where an event goes: each subscription once, with the priority of the first of its routes that sets one. */
  targets(event: EventRow, stream: InputStream): Target[] {
    const own = ownPriority(event);
    return this.aims(event, stream).map(([subscription, sets]) => ({ subscription, priority: sets ?? own }));
  }

  /** As {@link Router.targets}, without making anything where the type alone decides. */
  aims(event: EventRow, stream: InputStream): readonly Aim[] {
    const { routes, aims } = this.ofType(event.type);
    return aims ?? aimsOf(routes.filter((route) => matches(route, event, stream)));
  }

  private ofType(type: string): TypeRoutes {
    const known = this.byType.get(type);
    if (known !== undefined) return known;
    const routes = this.compiled.routes.filter((route) => matchesType(route.type, type));
    const ofType: TypeRoutes = { routes, ...(routes.every(isOfTypeAlone) && { aims: aimsOf(routes) }) };
    if (this.byType.size < MAX_TYPES) this.byType.set(type, ofType);
    return ofType;
  }
}

/** The event's own, if it is one. */
export function ownPriority({ priority }: EventRow): Priority {
  return priority === 'high' || priority === 'low' ? priority : 'normal';
}

function aimsOf(routes: readonly CompiledRoute[]): Aim[] {
  const found = new Map<string, Priority | undefined>();
  for (const { to, sets } of routes) for (const name of to) found.set(name, found.get(name) ?? sets);
  return [...found];
}

function isOfTypeAlone({ stream, priority, stage, when }: CompiledRoute): boolean {
  return (stream ?? priority ?? stage ?? when) === undefined;
}

function matches(route: CompiledRoute, event: EventRow, stream: InputStream): boolean {
  if (route.stream !== undefined && route.stream !== stream) return false;
  if (route.priority !== undefined && route.priority !== event.priority) return false;
  if (route.stage !== undefined && route.stage !== event.stage) return false;
  return route.when === undefined || holds(route.when, event);
}

/** An event on which the filter fails, since what it asks for is not there, does not match. */
function holds(when: NonNullable<CompiledRoute['when']>, event: EventRow): boolean {
  try {
    return when({ event: celEvent(event) }) === true;
  } catch {
    return false;
  }
}
