import type { EventRow, InputStream } from '../../events/event.js';
import type { ReplayTargets } from './targets.js';

/** Counts where events would be delivered. */
export class RouteCounts {
  private readonly counts = new Map<string, number>();

  constructor(private readonly targets: ReplayTargets) {}

  add(event: EventRow, stream: InputStream): void {
    for (const name of this.targets.of(event, stream))
      this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }

  /** By the name of the subscription. */
  result(): { subscription: string; events: number }[] {
    return [...this.counts]
      .map(([subscription, events]) => ({ subscription, events }))
      .sort((left, right) => (left.subscription < right.subscription ? -1 : 1));
  }
}
