import { SECOND_MS } from '../platform/time.js';

/** CPU time that a process has spent on a subscription. */
export interface SubscriptionCost {
  readonly tenant: string;
  readonly subscription: string;
  readonly cpuMicros: number;
}

/** Called with what a subscription costs while that is far more than the others do, in seconds of CPU time in a second; once without when that is over. */
type CostListener = (tenant: string, subscription: string, cores: number | undefined) => void;

interface Spent {
  readonly tenant: string;
  readonly subscription: string;
  micros: number;
  isExpensive: boolean;
}

const PERIOD_MS = 10 * SECOND_MS;
/** What costs less is cheap, however much less the others cost; */
const CORES = 0.1;
/** from as many times the mean of the others on it is far more. Both stand in the alert `HeadgateSubscriptionExpensive`. */
const TIMES = 10;

/** Finds the subscriptions that cost a process far more than the others, every ten seconds. */
export class SubscriptionCosts {
  private readonly spent = new Map<string, Spent>();
  private periodMs = 0;

  constructor(private readonly listener: CostListener) {}

  /**
   * Adds what was spent in some time.
   * @param elapsedMs the time, in milliseconds
   */
  add(costs: readonly SubscriptionCost[], elapsedMs: number): void {
    for (const { tenant, subscription, cpuMicros } of costs) {
      const key = `${tenant}/${subscription}`;
      const spent = this.spent.get(key) ?? { tenant, subscription, micros: 0, isExpensive: false };
      spent.micros += cpuMicros;
      this.spent.set(key, spent);
    }
    this.periodMs += elapsedMs;
    if (this.periodMs >= PERIOD_MS) this.end();
  }

  /** Forgets a subscription that is not configured any more. */
  forget(tenant: string, subscription: string): void {
    this.spent.delete(`${tenant}/${subscription}`);
  }

  private end(): void {
    const all = [...this.spent.values()];
    const sum = all.reduce((total, { micros }) => total + micros, 0);
    for (const each of all) {
      const { tenant, subscription, micros } = each;
      const cores = micros / 1000 / this.periodMs;
      const mean = (sum - micros) / (all.length - 1);
      // With nothing to compare it with, nothing is said of it.
      const isExpensive = all.length > 1 && cores > CORES && micros > TIMES * mean;
      if (isExpensive || each.isExpensive)
        this.listener(tenant, subscription, isExpensive ? cores : undefined);
      each.isExpensive = isExpensive;
      each.micros = 0;
    }
    this.periodMs = 0;
  }
}
