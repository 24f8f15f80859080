import { messageOf } from '../errors.js';
import { atOnce } from '../platform/at-once.js';
import type { Noted } from './noted.js';
import type { SubscriptionStatus } from './status.js';

/** A subscription whose queue may be asked about. */
export interface LookedAt {
  readonly tenant: string;
  readonly subscription: string;
  /** Something there may have changed, so that it is asked about before those of which nothing is known to happen. */
  readonly urgent: boolean;
}

/** How a subscription stands, as its queue has said. */
export interface QueueState extends Noted {
  readonly status: SubscriptionStatus;
}

/** The same, with when it was asked: milliseconds since the epoch. */
interface KnownState extends QueueState {
  readonly askedAt: number;
}

/** What {@link QueueLooks} needs. */
export interface QueueLooksOptions {
  readonly ask: (tenant: string, subscription: string) => Promise<QueueState>;
  /** Called once a look, with what the first question that failed came to. */
  readonly onFailure: (reason: string) => void;
}

/** A question costs Temporal some 10 ms of CPU: it loads the queue. So one look asks of as many that are urgent at most, */
const MOST_URGENT = 150;
/** and of as many others, in turn; where there are no more than these, each look asks of all. */
const MOST_OTHERS = 50;
const AT_ONCE = 4;
/** After as many failures Temporal is not well, and the rest waits for the next look. */
const MOST_FAILURES = 3;

/**
 * Keeps how subscriptions stand, which only their queues say, and asks about a bounded number of them at a time. What is not
 * calm, and what is urgent for another reason, is asked about first; the others take turns. Of all the last answer is kept.
 */
export class QueueLooks {
  private known = new Map<string, KnownState>();
  private readonly hurried = new Set<string>();

  constructor(private readonly options: QueueLooksOptions) {}

  /** What is known of a subscription; undefined until it has been asked about. */
  of(tenant: string, subscription: string): KnownState | undefined {
    return this.known.get(keyOf(tenant, subscription));
  }

  /** Has the next look ask about a subscription: something has just changed there. */
  hurry(tenant: string, subscription: string): void {
    this.hurried.add(keyOf(tenant, subscription));
  }

  /** Asks about some of all subscriptions, those that were asked about longest ago first; never rejects. */
  async look(all: readonly LookedAt[]): Promise<void> {
    this.forgetOthers(all);
    const asked = this.chosen(all);
    this.hurried.clear();
    let failures = 0;
    await atOnce(AT_ONCE, asked, async ({ tenant, subscription }) => {
      if (failures >= MOST_FAILURES) return;
      const askedAt = Date.now();
      try {
        const state = await this.options.ask(tenant, subscription);
        this.known.set(keyOf(tenant, subscription), { ...state, askedAt });
      } catch (error) {
        if (failures++ === 0) this.options.onFailure(messageOf(error));
      }
    });
  }

  private chosen(all: readonly LookedAt[]): LookedAt[] {
    const oldestFirst = [...all].sort((one, other) => this.askedAt(one) - this.askedAt(other));
    const isUrgent = (each: LookedAt): boolean => each.urgent || this.isUnsettled(each);
    const urgent = oldestFirst.filter(isUrgent).slice(0, MOST_URGENT);
    const others = oldestFirst.filter((each) => !isUrgent(each)).slice(0, MOST_OTHERS);
    return [...urgent, ...others];
  }

  private askedAt({ tenant, subscription }: LookedAt): number {
    return this.of(tenant, subscription)?.askedAt ?? 0;
  }

  /** What only a person ends is not: a person's change is hurried where it is made, and found in turn elsewhere. */
  private isUnsettled({ tenant, subscription }: LookedAt): boolean {
    if (this.hurried.has(keyOf(tenant, subscription))) return true;
    const known = this.of(tenant, subscription);
    if (known === undefined) return false;
    return (
      known.status.state === 'breaker-open' ||
      known.failing !== undefined ||
      known.slow !== undefined ||
      known.expensive !== undefined
    );
  }

  private forgetOthers(all: readonly LookedAt[]): void {
    if (this.known.size <= all.length) return;
    const kept = new Set(all.map(({ tenant, subscription }) => keyOf(tenant, subscription)));
    for (const key of this.known.keys()) if (!kept.has(key)) this.known.delete(key);
  }
}

function keyOf(tenant: string, subscription: string): string {
  return `${tenant}/${subscription}`;
}
