import type { EventRow, InputStream } from '../events/event.js';
import { Budget } from '../expressions/budget.js';
import type { OnFailure } from '../expressions/failures.js';
import { Fault } from '../expressions/fault.js';
import { celEvent } from '../rules/cel-event.js';
import type { Priority } from '../tenants/subscription.js';
import { matchesType } from './compile.js';
import type { CompiledRoute, CompiledRoutes } from './compiled.js';

/** Types whose routes are remembered; beyond them, which only a producer that makes types up reaches, each is looked up. */
const MAX_TYPES = 10_000;

/** Where an event goes. */
export interface Target {
  readonly subscription: string;
  readonly priority: Priority;
}

/** How an event is routed. */
export interface RoutingOptions {
  /** Steps that all filters may take on the event; says afterwards what they took. Default: a new one. */
  readonly budget?: Budget;
  /** Called with filters that fail on the event. */
  readonly onFailure?: OnFailure;
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
  aims(event: EventRow, stream: InputStream, { budget, onFailure }: RoutingOptions = {}): readonly Aim[] {
    const { routes, aims } = this.ofType(event.type);
    if (aims !== undefined) return aims;
    const filtering = new Filtering(event, budget ?? new Budget(), onFailure);
    return aimsOf(routes.filter((route) => matches(route, event, stream, filtering)));
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

function matches(route: CompiledRoute, event: EventRow, stream: InputStream, filtering: Filtering): boolean {
  if (route.stream !== undefined && route.stream !== stream) return false;
  if (route.priority !== undefined && route.priority !== event.priority) return false;
  if (route.stage !== undefined && route.stage !== event.stage) return false;
  return route.when === undefined || filtering.holds(route, route.when);
}

/** The filters of routes on one event. */
class Filtering {
  private readonly context: { readonly event: object };

  constructor(
    event: EventRow,
    private readonly budget: Budget,
    private readonly onFailure: OnFailure | undefined,
  ) {
    this.context = { event: celEvent(event) };
  }

  /** An event on which the filter fails, since what it asks for is not there, does not match. */
  holds({ index }: CompiledRoute, when: NonNullable<CompiledRoute['when']>): boolean {
    const result = when.run(this.context, this.budget);
    if (result instanceof Fault) this.onFailure?.('route', String(index), result.code);
    return result === true;
  }
}
