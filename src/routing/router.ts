import { MAX_HOPS, decisionEvent, hopsOf } from '../delivered-event.js';
import type { DecisionRow, EventRow, InputStream } from '../event.js';
import { LineSet } from '../line-set.js';
import type { Priority } from '../subscription.js';
import type { RoutedEvents } from '../workflows/delivery-messages.js';
import { matchesType } from './compile.js';
import type { CompiledRoute, CompiledRoutes } from './compiled.js';

/** Types whose routes are remembered; beyond them, which only a producer that makes types up reaches, each is looked up. */
const MAX_TYPES = 10_000;

/** One event's way to one subscription. */
interface Target {
  readonly subscription: string;
  readonly priority: Priority;
}

/**
 * Matches events against a tenant's routes. What routes are for an event's type is worked out once per type, so that
 * hundreds of routes cost an event one look-up; then the few that are left are looked at in order.
 */
export class Router {
  private readonly byType = new Map<string, readonly CompiledRoute[]>();

  constructor(private readonly compiled: CompiledRoutes) {}

  /** True when derived events may have routes. */
  get routesDerived(): boolean {
    return this.compiled.derived;
  }

  /** The routes that match an event, in order. */
  matching(event: EventRow, stream: InputStream): CompiledRoute[] {
    return this.ofType(event.type).filter((route) => matches(route, event, stream));
  }

  /** Where an event goes: each subscription once, with the priority of the first of its routes that sets one. */
  targets(event: EventRow, stream: InputStream): Target[] {
    const found = new Map<string, Priority | undefined>();
    for (const { to, sets } of this.matching(event, stream)) {
      for (const name of to) found.set(name, found.get(name) ?? sets);
    }
    const own = ownPriority(event);
    return [...found].map(([subscription, priority]) => ({ subscription, priority: priority ?? own }));
  }

  private ofType(type: string): readonly CompiledRoute[] {
    const known = this.byType.get(type);
    if (known !== undefined) return known;
    const routes = this.compiled.routes.filter((route) => matchesType(route.type, type));
    if (this.byType.size < MAX_TYPES) this.byType.set(type, routes);
    return routes;
  }
}

function matches(route: CompiledRoute, event: EventRow, stream: InputStream): boolean {
  if (route.stream !== undefined && route.stream !== stream) return false;
  if (route.priority !== undefined && route.priority !== event.priority) return false;
  if (route.stage !== undefined && route.stage !== event.stage) return false;
  return route.when === undefined || holds(route, event);
}

/** An event on which the filter fails, since what it asks for is not there, does not match. */
function holds({ when }: CompiledRoute, event: EventRow): boolean {
  const { stackTraceLimit } = Error;
  // An error that nobody reads: its stack would be most of its cost.
  Error.stackTraceLimit = 0;
  try {
    return when?.({ event: { ...event.extensions, ...event } }) === true;
  } catch {
    return false;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function ownPriority({ priority }: EventRow): Priority {
  return priority === 'high' || priority === 'low' ? priority : 'normal';
}

interface Group extends Omit<RoutedEvents, 'lines' | 'count'> {
  readonly lines: LineSet;
}

/** Collects where the events of a chunk, and the events derived from it, go. */
export class ChunkRouting {
  private readonly groups = new Map<string, Group>();

  /** `isDraining`: which subscriptions take no new events. */
  constructor(
    private readonly router: Router,
    private readonly stream: InputStream,
    private readonly isDraining: (subscription: string) => boolean,
  ) {}

  /** Routes the event derived from a decision that changed; undefined where no route is for derived events. */
  get onChanged(): ((line: number, row: DecisionRow) => void) | undefined {
    if (!this.router.routesDerived) return undefined;
    return (line, row) => this.add('decisions', line, decisionEvent(row, row.time));
  }

  /** Routes the chunk's events, whose places are their lines. Gives all that was found, or undefined if nothing was. */
  routed(rows: readonly EventRow[]): RoutedEvents[] | undefined {
    rows.forEach((row, line) => this.add('events', line, row));
    if (this.groups.size === 0) return undefined;
    return [...this.groups.values()].map(({ lines, ...group }) => ({
      ...group,
      lines: lines.encode(),
      count: lines.count,
    }));
  }

  private add(of: RoutedEvents['of'], line: number, event: EventRow): void {
    for (const { subscription, priority } of this.router.targets(event, this.stream)) {
      const looped = hopsOf(event) >= MAX_HOPS;
      const key = `${subscription}/${of}/${priority}/${looped}`;
      let group = this.groups.get(key);
      if (group === undefined) {
        if (this.isDraining(subscription)) continue;
        group = { subscription, of, priority, lines: LineSet.none(), ...(looped && { looped }) };
        this.groups.set(key, group);
      }
      group.lines.add(line);
    }
  }
}
