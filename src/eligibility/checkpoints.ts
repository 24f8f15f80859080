import { setImmediate as nextTurn } from 'node:timers/promises';
import { HeadgateError, messageOf } from '../errors.js';
import type { Logger } from '../platform/logger.js';
import type { Metrics } from '../observability/metrics.js';
import type { StateStore } from '../stores/state/state-store.js';
import type { Decider } from './decider.js';

/** What {@link Checkpoints} needs. */
export interface CheckpointsOptions {
  readonly decider: Decider;
  readonly store: Pick<StateStore, 'checkpoint'>;
  /** Resolves when every event that has been decided on is on disk, or has failed to get there. */
  readonly spooled: () => Promise<void>;
  /** Called with which watermarks are on disk. */
  readonly onDurable: (watermarks: ReadonlyMap<string, number>) => void;
  readonly metrics?: Pick<Metrics, 'stepRetried'>;
  readonly log: Logger;
  /** Time in which every tenant that changes has a checkpoint, at least, in milliseconds. Default 3,000. Shorter writes subjects that change all the time more often, longer decides more again after a crash. */
  readonly restMs?: number;
  /** Changed subjects at which the rest is cut short, as they are held in memory. Default 20,000. */
  readonly hurryAt?: number;
}

const REST_MS = 3_000;
/** Changed subjects in a checkpoint, unless one tenant has more: what costs requests nothing that they would notice. */
const SUBJECTS_AT_ONCE = 500;
/** A checkpoint takes at most a fifth of the time, so that a state of many subjects does not drown in writing. */
const REST_PER_WORK = 4;
const MAX_REST_MS = 15_000;
const RETRY_MS = 2_000;

/** Someone who waits for a tenant's changes to be in the store. */
interface Waiter {
  readonly tenant: string;
  readonly settle: (error?: HeadgateError) => void;
}

/** A checkpoint that is being written, and who waits for it. */
interface Writing {
  readonly watermarks: ReadonlyMap<string, number>;
  readonly waiters: Waiter[];
}

/**
 * Writes the state now and then while it changes: a few tenants at a time, in turn, their changed subjects and their
 * watermarks in one transaction. So the work is spread over time, and a tenant's state on disk is always a consistent
 * one. When that fails (the disk is full, say) what has changed stays in memory and is tried again; the spool keeps the events
 * meanwhile.
 */
export class Checkpoints {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  private rewinding: Promise<void> | undefined;
  private restMs: number;
  private restedFrom = 0;
  private stopped = false;
  /** Appends that have failed. */
  private failures = 0;
  /** The last checkpoint has failed: however much has changed, the next waits for its time. */
  private retrying = false;
  private readonly hurryAt: number;
  /** Those whose checkpoint has not begun. */
  private waiting: Waiter[] = [];
  private writing: Writing | undefined;

  constructor(private readonly options: CheckpointsOptions) {
    this.restMs = options.restMs ?? REST_MS;
    this.hurryAt = options.hurryAt ?? 20_000;
  }

  /** There is something to write. */
  changed(): void {
    if (this.stopped || this.running !== undefined) return;
    if (!this.retrying && this.options.decider.subjects.changed >= this.hurryAt) this.start();
    else
      this.timer ??= setTimeout(() => this.start(), Math.max(0, this.restedFrom + this.restMs - Date.now()));
  }

  /** How often memory has gone back to the last checkpoint. */
  get rewinds(): number {
    return this.failures;
  }

  /**
   * Resolves once all that has changed of a tenant is in the store.
   * @param since {@link Checkpoints.rewinds} before what has changed was changed
   * @throws HeadgateError `STATE_UNAVAILABLE` (retryable): memory has gone back since then, or the process ends
   */
  async kept(tenant: string, since: number): Promise<void> {
    if (this.failures !== since) throw notKept();
    const { writing } = this;
    const next = this.options.decider.isAdvancing(tenant);
    if (!next && writing?.watermarks.has(tenant) !== true) return;
    const waiters = next || writing === undefined ? this.waiting : writing.waiters;
    await new Promise<void>((resolve, reject) => {
      waiters.push({ tenant, settle: (error) => (error === undefined ? resolve() : reject(error)) });
    });
  }

  /**
   * An append has failed, so the state in memory may hold events that the spool does not: goes back to the last
   * checkpoint and applies the spool again. What is being written is given up. Nothing is decided on meanwhile, from the
   * turn of this call on: a decision could count an event that is not there, and what it changed would be forgotten, as
   * it is not in the spool yet.
   */
  rewind(): Promise<void> {
    this.failures++;
    for (const { settle } of this.waiting.splice(0)) settle(notKept());
    this.rewinding ??= this.restore().finally(() => {
      this.rewinding = undefined;
      if (this.options.decider.advancing > 0) this.changed();
    });
    return this.rewinding;
  }

  /** Writes what is not written yet, for the last time; gives up when it fails, since the spool has it. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
    // Until then memory may hold what the spool does not. With a store that does not answer it comes to no end.
    this.options.decider.stop();
    if (await settlesWell(this.rewinding))
      while (this.options.decider.advancing > 0) if (!(await this.write())) break;
    for (const { settle } of this.waiting.splice(0)) settle(notKept());
  }

  /** Once more if another append fails meanwhile. */
  private async restore(): Promise<void> {
    for (let seen = -1; seen !== this.failures;) {
      seen = this.failures;
      this.options.decider.suspend();
      await this.running;
      await this.options.spooled();
      await this.options.decider.restore();
    }
  }

  private start(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.running !== undefined || this.rewinding !== undefined || this.stopped) return;
    if (this.options.decider.advancing === 0) return;
    this.running = this.run().finally(() => {
      this.running = undefined;
      if (this.options.decider.advancing > 0) this.changed();
    });
  }

  private async run(): Promise<void> {
    const { decider } = this.options;
    const began = performance.now();
    const tenants = decider.advancing;
    const writing = this.write();
    const share = 1 - decider.advancing / tenants;
    const written = await writing;
    const ownMs = share * (this.options.restMs ?? REST_MS);
    const restMs = Math.min(MAX_REST_MS, Math.max(ownMs, REST_PER_WORK * (performance.now() - began)));
    this.restMs = written ? restMs : RETRY_MS;
    this.retrying = !written;
    this.restedFrom = Date.now();
  }

  /** Writes the tenants whose turn it is. True when that is on disk. */
  private async write(): Promise<boolean> {
    const { decider, store, spooled, onDurable, log } = this.options;
    const { failures } = this;
    // Both begin in one turn of the event loop: the cut is consistent.
    const watermarks = decider.takeWatermarks(SUBJECTS_AT_ONCE);
    const snapshots = decider.subjects.takeSnapshots(watermarks.keys(), () => nextTurn());
    const writing = this.begin(watermarks);
    try {
      const subjects = await snapshots;
      await spooled();
      if (failures !== this.failures) throw new Error('the spool could not be written');
      await store.checkpoint({ subjects, watermarks });
    } catch (error) {
      decider.subjects.notKept();
      decider.giveBack(watermarks);
      this.failed(writing, failures);
      this.options.metrics?.stepRetried('checkpoint');
      log.error('CHECKPOINT_FAILED', { reason: messageOf(error) });
      return false;
    }
    decider.subjects.kept();
    onDurable(watermarks);
    this.writing = undefined;
    for (const { settle } of writing.waiters) settle();
    return true;
  }

  /** In the turn of the cut: what changes from now on is not in it. */
  private begin(watermarks: ReadonlyMap<string, number>): Writing {
    const waiters = this.waiting.filter(({ tenant }) => watermarks.has(tenant));
    this.waiting = this.waiting.filter(({ tenant }) => !watermarks.has(tenant));
    return (this.writing = { watermarks, waiters });
  }

  /** It was not written: who waited for it waits for the next, unless memory forgets what has changed. */
  private failed({ waiters }: Writing, failures: number): void {
    this.writing = undefined;
    if (failures === this.failures) this.waiting.push(...waiters);
    else for (const { settle } of waiters) settle(notKept());
  }
}

function notKept(): HeadgateError {
  const retry = { retryable: true, retryAfterSeconds: 1 };
  return new HeadgateError('STATE_UNAVAILABLE', 'What has changed could not be kept.', retry);
}

async function settlesWell(promise: Promise<void> | undefined): Promise<boolean> {
  try {
    await promise;
    return true;
  } catch {
    return false;
  }
}
