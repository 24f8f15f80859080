import type { Client } from '@temporalio/client';
import type { AuditLog } from '../audit-log/audit-log.js';
import type { AuditLogPlaces } from '../audit-log/files.js';
import { messageOf } from '../errors.js';
import { atOnce } from '../platform/at-once.js';
import type { Logger } from '../platform/logger.js';
import { MINUTE_MS, SECOND_MS } from '../platform/time.js';
import { touchedRuns } from '../temporal/touched-runs.js';
import type { ForeignAct } from './foreign-acts.js';
import { keysInLog, readProgress, writeProgress } from './progress.js';
import { foreignActs } from './read-history.js';
import { terminatedRuns, type Stretch } from './terminated.js';

/** What {@link TemporalActs} needs. */
export interface TemporalActsOptions {
  readonly client: Client;
  readonly auditLog: Pick<AuditLog, 'change' | 'assertWritable'>;
  readonly places: AuditLogPlaces;
  /** File that says how far terminations have been read. */
  readonly progress: string;
  readonly log: Pick<Logger, 'warn'>;
  /** Milliseconds between looks. Default 10 s. */
  readonly everyMs?: number;
  readonly now?: () => number;
}

const EVERY_MS = 10 * SECOND_MS;
/** A look that has left something for the next one. */
const SOON_MS = SECOND_MS;
/** Histories read in one look, and side by side. */
const MOST_RUNS = 100;
const SIDE_BY_SIDE = 4;
/** Temporal shows a workflow's end this much later at most. */
const SHOWN_WITHIN_MS = 2 * MINUTE_MS;
/** How far the reading has come is written when it has found something, or after this long. */
const WRITTEN_EVERY_MS = 10 * MINUTE_MS;
/** Far more than can be found twice: acts of the last minutes, and of runs that are being reported. */
const MOST_KEYS = 50_000;

/**
 * Brings into the audit log what was done to Headgate's workflows in Temporal itself, by its UI, its CLI or anybody's client.
 * Workers tell which runs were touched; which were terminated is asked for by when. Only their histories are read. Each act
 * has a key, and the log itself says which are in it: hence what a crash has interrupted is read again, and written once.
 */
export class TemporalActs {
  private readonly stopping = new AbortController();
  private readonly now: () => number;
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> = Promise.resolve();
  /** Acts that are in the log, or on their way. */
  private known: Set<string> | undefined;
  /** All that was terminated until then has been read. */
  private until = 0;
  /** What is left of a stretch of time that had too much for one look. */
  private sweep: Stretch | undefined;
  private writtenAt = 0;
  private said: string | undefined;

  constructor(private readonly options: TemporalActsOptions) {
    this.now = options.now ?? Date.now;
  }

  /** Looks now, and from then on; nothing waits for it. */
  start(): void {
    this.schedule(0);
  }

  /** Waits for the look under way. */
  async stop(): Promise<void> {
    this.stopping.abort();
    clearTimeout(this.timer);
    await this.looking;
  }

  /**
   * Looks once.
   * @returns whether there is more than one look takes
   * @throws HeadgateError `ENGINE_UNAVAILABLE`, `AUDIT_LOG_UNAVAILABLE`
   */
  async look(): Promise<boolean> {
    const { auditLog } = this.options;
    // What could not be written before is by now.
    auditLog.assertWritable();
    await this.open();
    const isMoreTouched = await this.readTouched();
    return (await this.readTerminated()) || isMoreTouched;
  }

  private schedule(afterMs: number): void {
    if (this.stopping.signal.aborted) return;
    this.timer = setTimeout(() => {
      this.looking = this.lookSaying().then((isMore) =>
        this.schedule(isMore ? SOON_MS : (this.options.everyMs ?? EVERY_MS)),
      );
    }, afterMs).unref();
  }

  private async lookSaying(): Promise<boolean> {
    try {
      const isMore = await this.look();
      this.said = undefined;
      return isMore;
    } catch (error) {
      const reason = messageOf(error);
      if (reason !== this.said) this.options.log.warn('TEMPORAL_ACTS_NOT_READ', { reason });
      this.said = reason;
      return false;
    }
  }

  private async open(): Promise<void> {
    if (this.known !== undefined) return;
    const { places, progress } = this.options;
    const now = this.now();
    const until = Math.min((await readProgress(progress)) ?? now, now);
    const since = until - SHOWN_WITHIN_MS;
    this.known = new Set(await keysInLog(places, since));
    this.until = until;
  }

  private async readTouched(): Promise<boolean> {
    const { client } = this.options;
    const told = await touchedRuns(client, MOST_RUNS);
    await atOnce(SIDE_BY_SIDE, told, async (run) => {
      await this.write(await foreignActs(client, run, run.historyLength));
      await run.done();
    });
    return told.length === MOST_RUNS;
  }

  private async readTerminated(): Promise<boolean> {
    const { client } = this.options;
    const sweep = this.sweep ?? { from: this.until - SHOWN_WITHIN_MS, to: this.now() };
    const { runs, to } = await terminatedRuns(client, sweep, MOST_RUNS);
    let found = 0;
    await atOnce(SIDE_BY_SIDE, runs, async (run) => {
      found += await this.write(await foreignActs(client, run));
    });
    const isMore = to < sweep.to;
    this.sweep = isMore ? { from: to, to: sweep.to } : undefined;
    if (!isMore) this.until = sweep.to;
    await this.writeProgress(found > 0);
    return isMore;
  }

  /** @returns how many of the acts are new */
  private async write(acts: readonly ForeignAct[]): Promise<number> {
    const known = this.known!;
    const fresh = acts.filter(({ key }) => !known.has(key));
    for (const { key } of fresh) known.add(key);
    for (const key of known) {
      if (known.size <= MOST_KEYS) break;
      known.delete(key);
    }
    // One that fails stays in the log's memory, and the next look waits until it is written.
    await Promise.all(fresh.map(({ act }) => this.options.auditLog.change(act)));
    return fresh.length;
  }

  private async writeProgress(isNew: boolean): Promise<void> {
    const now = this.now();
    if (!isNew && now - this.writtenAt < WRITTEN_EVERY_MS) return;
    await writeProgress(this.options.progress, this.until);
    this.writtenAt = now;
  }
}
