import { MAX_HOPS, decisionEvent, hopsOf } from '../events/delivered-event.js';
import type { DecisionRow, EventRow, InputStream } from '../events/event.js';
import { Budget, MAX_EVENT_STEPS } from '../expressions/budget.js';
import { ExpressionFailures, type ExpressionFailure } from '../expressions/failures.js';
import { LineSet } from '../events/line-set.js';
import type { RoutedEvents } from '../workflows/messages/batches.js';
import { ownPriority, type Router } from './router.js';

interface Group extends Omit<RoutedEvents, 'lines' | 'count' | 'looped'> {
  readonly looped: boolean;
  readonly lines: LineSet;
}

/**
 * Steps that filters may take on all that is derived from one event: some 20 ms. An event may change hundreds of decisions,
 * each of which is an event with routes; what a turn does cannot be cut short before the next event.
 */
const MAX_DERIVED_STEPS = 1_000_000;

/** Collects where the events of a chunk, and the events derived from it, go. */
export class ChunkRouting {
  /** By subscription; rarely more than one each. */
  private readonly groups = new Map<string, Group[]>();
  private readonly failures = new ExpressionFailures();
  /** Steps left for what the event under way has changed. */
  private stepsLeft = MAX_DERIVED_STEPS;

  /** `isDraining`: which subscriptions take no new events. `onFailures` hears of filters that failed. */
  constructor(
    private readonly router: Router,
    private readonly stream: InputStream,
    private readonly isDraining: (subscription: string) => boolean,
    private readonly onFailures?: (failures: readonly ExpressionFailure[]) => void,
  ) {}

  /** Routes the event derived from a decision that changed; undefined where no route is for derived events. */
  get onChanged(): ((line: number, row: DecisionRow) => void) | undefined {
    if (!this.router.routesDerived) return undefined;
    return (line, row) => {
      const budget = new Budget(Math.min(MAX_EVENT_STEPS, this.stepsLeft));
      this.add('decisions', line, decisionEvent(row, row.time), budget);
      this.stepsLeft = Math.max(0, this.stepsLeft - budget.used);
    };
  }

  /** Routes one of the chunk's events; `line` is its place among them. */
  take(row: EventRow, line: number): void {
    this.add('events', line, row);
    this.stepsLeft = MAX_DERIVED_STEPS;
  }

  /** Where the events that were taken go, and those derived from them; undefined if none goes anywhere. */
  routed(): RoutedEvents[] | undefined {
    const failed = this.failures.list();
    if (failed.length > 0) this.onFailures?.(failed);
    const groups = [...this.groups.values()].flat();
    return groups.length === 0 ? undefined : groups.map(encoded);
  }

  private add(of: RoutedEvents['of'], line: number, event: EventRow, budget?: Budget): void {
    const aims = this.router.aims(event, this.stream, { budget, onFailure: this.failures.add });
    if (aims.length === 0) return;
    const own = ownPriority(event);
    const looped = event.extensions !== undefined && hopsOf(event) >= MAX_HOPS;
    for (const [subscription, sets] of aims)
      this.groupOf(subscription, of, sets ?? own, looped)?.lines.add(line);
  }

  private groupOf(
    subscription: string,
    of: RoutedEvents['of'],
    priority: RoutedEvents['priority'],
    looped: boolean,
  ): Group | undefined {
    const known = this.groups.get(subscription);
    for (const group of known ?? [])
      if (group.of === of && group.priority === priority && group.looped === looped) return group;
    if (this.isDraining(subscription)) return undefined;
    const group: Group = { subscription, of, priority, looped, lines: LineSet.none() };
    if (known === undefined) this.groups.set(subscription, [group]);
    else known.push(group);
    return group;
  }
}

function encoded({ lines, looped, ...group }: Group): RoutedEvents {
  return { ...group, ...(looped && { looped }), lines: lines.encode(), count: lines.count };
}
