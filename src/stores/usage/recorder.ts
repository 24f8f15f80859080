import { messageOf } from '../../errors.js';
import type { Logger } from '../../platform/logger.js';
import { dayOf, type Figures, type UsageEntry } from './figures.js';
import { UsageJournal } from './journal.js';

/** Counts what is done for tenants. */
export interface UsageRecorder {
  /** The same as {@link UsageRecorder.count}, but rejects when the disk takes nothing, to be tried again. */
  counted(entries: readonly UsageEntry[]): Promise<void>;
  /** Writes entries; a disk that takes none is logged: no work is done twice for want of a count. */
  count(entries: readonly UsageEntry[]): Promise<void>;
  /** Counts seconds of an activity that Temporal does not count. A crash loses those of the last two seconds. */
  spent(tenant: string, activityMicros: number): void;
  /** Writes what is left. */
  close(): Promise<void>;
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

/**
 * Makes a process's recorder. Every two seconds the CPU time of the process is shared out to the tenants, by the work
 * that was counted for them meanwhile; time in which nothing was counted is nobody's.
 */
export function createUsageRecorder(options: UsageRecorderOptions): UsageRecorder {
  const { directory, log, now = Date.now, cpuMicros = cpuOfProcess } = options;
  const journal = new UsageJournal(directory, now);
  const work = new Map<string, number>();
  const spent = new Map<string, number>();
  let cpu = cpuMicros();

  const counted = async (entries: readonly UsageEntry[]): Promise<void> => {
    await journal.add(entries);
    for (const { tenant, figures } of entries) work.set(tenant, (work.get(tenant) ?? 0) + workOf(figures));
  };
  const count = (entries: readonly UsageEntry[]): Promise<void> =>
    counted(entries).catch((error: unknown) => log.warn('USAGE_NOT_COUNTED', { reason: messageOf(error) }));
  const share = async (): Promise<void> => {
    const before = cpu;
    cpu = cpuMicros();
    const shares = sharesOf(cpu - before, work);
    const tenants = new Set([...shares.keys(), ...spent.keys()]);
    const day = dayOf(now());
    const entries = [...tenants].map((tenant) => {
      const activityMicros = spent.get(tenant) ?? 0;
      return { tenant, day, figures: { cpuMicros: shares.get(tenant) ?? 0, activityMicros } };
    });
    work.clear();
    spent.clear();
    await journal
      .add(entries)
      .catch((error: unknown) => log.warn('USAGE_NOT_COUNTED', { reason: messageOf(error) }));
  };
  const timer = setInterval(() => void share(), options.everyMs ?? EVERY_MS).unref();
  return {
    counted,
    count,
    spent: (tenant, micros) => void spent.set(tenant, (spent.get(tenant) ?? 0) + Math.round(micros)),
    close: async () => {
      clearInterval(timer);
      await share();
      await journal.close();
    },
  };
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
