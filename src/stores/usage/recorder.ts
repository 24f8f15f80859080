import { messageOf } from '../../errors.js';
import type { Logger } from '../../platform/logger.js';
import type { Figures, UsageEntry } from './figures.js';
import { UsageJournal } from './journal.js';
import { dayOf } from '../../platform/time.js';

/** Counts what is done for tenants. */
export interface UsageRecorder {
  /** The same as {@link UsageRecorder.count}, but rejects when the disk takes nothing, to be tried again. */
  counted(entries: readonly UsageEntry[]): Promise<void>;
  /** Writes entries; a disk that takes none is logged: no work is done twice for want of a count. */
  count(entries: readonly UsageEntry[]): Promise<void>;
  /** Counts seconds of an activity that Temporal does not count. A crash loses those of the last two seconds. */
  spent(tenant: string, activityMicros: number): void;
  /**
   * Work for a subscription that no entry counts, in the units of shares of CPU time: a request is worth some ten events.
   */
  worked(tenant: string, subscription: string, units: number): void;
  /** Calls a listener with each sharing out of CPU time, and the milliseconds since the last one. */
  onShared(listener: (shares: readonly CpuShare[], elapsedMs: number) => void): void;
  /** Writes what is left. */
  close(): Promise<void>;
}

/** CPU time of a process that was spent on a tenant, or on one of its subscriptions. */
interface CpuShare {
  readonly tenant: string;
  readonly subscription?: string;
  readonly cpuMicros: number;
}

/** What {@link createUsageRecorder} needs. */
export interface UsageRecorderOptions {
  readonly directory: string;
  readonly log: Pick<Logger, 'warn'>;
  /** CPU time of this process so far, in microseconds. */
  readonly cpuMicros?: () => number;
  readonly everyMs?: number;
  readonly now?: () => number;
}

const EVERY_MS = 2_000;

/**
 * How much work a unit of a figure is, as far as shares of CPU time go: an event that is taken, decided on or loaded is 1.
 * Estimates, not measured one by one; they change how CPU time is shared out, not its sum.
 */
const WORK: Figures = {
  events: 1,
  decisions: 1,
  loadedRows: 1,
  deliveryAttempts: 5,
  workflows: 20,
  actions: 10,
};

/** Of whom shares are: `<tenant>`, or `<tenant>/<subscription>`; neither can hold a slash. */
function holderOf(tenant: string, subscription?: string): string {
  return subscription === undefined ? tenant : `${tenant}/${subscription}`;
}

/**
 * Makes a process's recorder. Every two seconds the CPU time of the process is shared out to the tenants and their
 * subscriptions, by the work that was counted for them meanwhile; time in which nothing was counted is nobody's.
 */
export function createUsageRecorder(options: UsageRecorderOptions): UsageRecorder {
  const { directory, log, now = Date.now, cpuMicros = cpuOfProcess } = options;
  const journal = new UsageJournal(directory, now);
  const work = new Map<string, number>();
  const spent = new Map<string, number>();
  const listeners = new Set<Parameters<UsageRecorder['onShared']>[0]>();
  const worked = (holder: string, units: number): void =>
    void work.set(holder, (work.get(holder) ?? 0) + units);
  let cpu = cpuMicros();
  let sharedAt = performance.now();

  const counted = async (entries: readonly UsageEntry[]): Promise<void> => {
    await journal.add(entries);
    for (const { tenant, subscription, figures } of entries)
      worked(holderOf(tenant, subscription), workOf(figures));
  };
  const count = (entries: readonly UsageEntry[]): Promise<void> =>
    counted(entries).catch((error: unknown) => log.warn('USAGE_NOT_COUNTED', { reason: messageOf(error) }));
  const share = async (): Promise<void> => {
    const [before, since] = [cpu, sharedAt];
    [cpu, sharedAt] = [cpuMicros(), performance.now()];
    const shares = sharesOf(cpu - before, work);
    const entries = entriesOf(shares, spent, dayOf(now()));
    work.clear();
    spent.clear();
    const cpuShares = entries.map(({ tenant, subscription, figures }) => ({
      tenant,
      subscription,
      cpuMicros: figures.cpuMicros ?? 0,
    }));
    for (const listener of listeners) listener(cpuShares, sharedAt - since);
    await journal
      .add(entries)
      .catch((error: unknown) => log.warn('USAGE_NOT_COUNTED', { reason: messageOf(error) }));
  };
  const timer = setInterval(() => void share(), options.everyMs ?? EVERY_MS).unref();
  return {
    counted,
    count,
    spent: (tenant, micros) => void spent.set(tenant, (spent.get(tenant) ?? 0) + Math.round(micros)),
    worked: (tenant, subscription, units) => worked(holderOf(tenant, subscription), units),
    onShared: (listener) => void listeners.add(listener),
    close: async () => {
      clearInterval(timer);
      await share();
      await journal.close();
    },
  };
}

/** What was shared out, and spent besides, by holder. */
function entriesOf(
  shares: ReadonlyMap<string, number>,
  spent: ReadonlyMap<string, number>,
  day: string,
): UsageEntry[] {
  return [...new Set([...shares.keys(), ...spent.keys()])].map((holder) => {
    const [tenant = '', subscription] = holder.split('/');
    const figures = { cpuMicros: shares.get(holder) ?? 0, activityMicros: spent.get(holder) ?? 0 };
    return { tenant, day, ...(subscription !== undefined && { subscription }), figures };
  });
}

function cpuOfProcess(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

function workOf(figures: Figures): number {
  let sum = 0;
  for (const [figure, weight] of Object.entries(WORK) as [keyof Figures, number][])
    sum += weight * (figures[figure] ?? 0);
  return sum;
}

/** Shares a whole number out by weights: the shares are whole, and their sum is all of it, where there is any weight. */
export function sharesOf(whole: number, weights: ReadonlyMap<string, number>): Map<string, number> {
  const shares = new Map<string, number>();
  let weightLeft = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
  let left = whole;
  for (const [name, weight] of weights) {
    if (weight <= 0) continue;
    const share = Math.round((left * weight) / weightLeft);
    shares.set(name, share);
    left -= share;
    weightLeft -= weight;
  }
  return shares;
}
