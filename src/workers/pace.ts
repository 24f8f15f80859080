import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../errors.js';
import type { Logger } from '../platform/logger.js';
import { AimdRate, type WorkOutcome } from '../platform/aimd-rate.js';
import { KeyedMutex } from '../platform/keyed-mutex.js';
import type { QueueRate, QueueRates } from '../temporal/queue-rates.js';
import { tenantQueue } from '../tenants/queues.js';

/** What {@link Pace} needs. */
export interface PaceOptions {
  readonly rates: QueueRates;
  /** The tenant's `limits.activitiesPerSecond`; undefined when it is not configured (any more). */
  readonly ceilingOf: (tenant: string) => number | undefined;
  readonly log: Logger;
  /** Pause between two writes to Temporal, over all tenants. Default 100 ms. */
  readonly writeEveryMs?: number;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** What the reason of a rate that is held back begins with: how processes tell each other's rates from an operator's. */
const HELD_BACK = 'headgate pace:';
const CONFIGURED = "limits.activitiesPerSecond of the tenant's configuration";
/** A smaller change is not worth a write. */
const WORTH_WRITING = 0.1;
/** Until the next attempt when Temporal did not take a rate. */
const RETRY_MS = 5_000;
/** How often the rate on Temporal is compared with what this process believes it to be, while loads run. */
const LOOK_EVERY_MS = { open: 5 * 60_000, heldBack: 30_000 };

/** Temporal's describe may be this far behind its update. */
const SETTLED_MS = 5_000;

interface TenantPace {
  readonly aimd: AimdRate;
  /** As this process has last written or read it. */
  written?: QueueRate;
  writtenAt: number;
  lookedAt: number;
}

/**
 * Slows a tenant's loads down while its warehouse fails or is slow, by the rate of its queue on Temporal, and lets them
 * rise again. The configured rate is the ceiling; a tenant paused by 0 stays paused.
 *
 * Several processes share one queue: each acts on the loads that it ran, the last to write wins, and since they see the
 * same warehouse they come to the same. A process that starts goes on with a rate that is held back. While loads run
 * each looks now and then whether the rate is still what it believes: one that holds back writes its own again, one that
 * does not takes over what another has left behind. A rate set by hand stands until the configuration is changed.
 */
export class Pace {
  private readonly tenants = new Map<string, TenantPace>();
  private readonly changed = new Set<string>();
  /** What is done about one tenant's queue is done one after the other. */
  private readonly turns = new KeyedMutex();
  private writing: Promise<void> | undefined;
  private readonly closing = new AbortController();
  private readonly now: () => number;

  constructor(private readonly options: PaceOptions) {
    this.now = options.now ?? Date.now;
  }

  /**
   * Brings the tenant's queue in line with its configuration and what is known of its warehouse.
   * @throws Error when Temporal does not take the rate
   */
  async align(tenant: string): Promise<void> {
    await this.turns.run(tenant, async () => {
      if (!this.tenants.has(tenant)) await this.look(tenant);
      await this.write(tenant);
    });
  }

  /** Learns how a load went. */
  observe(tenant: string, outcome: WorkOutcome): void {
    const ceiling = this.options.ceilingOf(tenant);
    if (ceiling === undefined || ceiling === 0) return;
    const pace = this.paceOf(tenant);
    const before = pace.aimd.heldBackTo;
    pace.aimd.observe(outcome, ceiling, this.now());
    const after = pace.aimd.heldBackTo;
    this.tell(tenant, before, after, ceiling);
    if (before !== after) this.writeSoon(tenant);
    const lookEveryMs = after === undefined ? LOOK_EVERY_MS.open : LOOK_EVERY_MS.heldBack;
    if (this.now() - pace.lookedAt > lookEveryMs) this.lookSoon(tenant, pace);
  }

  /** Forgets a tenant that is no longer configured. */
  forget(tenant: string): void {
    this.tenants.delete(tenant);
    this.changed.delete(tenant);
  }

  /** Activities per second of each tenant this process knows of. */
  *rates(): Iterable<[tenant: string, activitiesPerSecond: number]> {
    for (const tenant of this.tenants.keys()) {
      const wanted = this.wanted(tenant);
      if (wanted !== undefined) yield [tenant, wanted.activitiesPerSecond];
    }
  }

  /** Writes no more; a rate that is held back stays, for the next process. */
  async close(): Promise<void> {
    this.closing.abort();
    await this.writing;
    await this.turns.idle();
  }

  private paceOf(tenant: string): TenantPace {
    let pace = this.tenants.get(tenant);
    if (pace === undefined)
      this.tenants.set(tenant, (pace = { aimd: new AimdRate(), lookedAt: this.now(), writtenAt: 0 }));
    return pace;
  }

  private wanted(tenant: string): QueueRate | undefined {
    const ceiling = this.options.ceilingOf(tenant);
    if (ceiling === undefined) return undefined;
    const { heldBackTo, reason } = this.paceOf(tenant).aimd;
    if (heldBackTo === undefined || heldBackTo >= ceiling)
      return { activitiesPerSecond: ceiling, reason: CONFIGURED };
    const rate = Number(heldBackTo.toPrecision(3));
    const why = `${HELD_BACK} held back to ${rate} of ${ceiling} activities/s (${reason})`;
    return { activitiesPerSecond: rate, reason: why };
  }

  private tell(tenant: string, before: number | undefined, after: number | undefined, ceiling: number): void {
    const { log } = this.options;
    if (after === undefined && before !== undefined)
      log.info('LOAD_RATE_RESTORED', { tenant, activitiesPerSecond: ceiling });
    else if (after !== undefined && (before === undefined || after < before)) {
      const { reason } = this.paceOf(tenant).aimd;
      log.warn('LOADS_SLOWED', { tenant, activitiesPerSecond: after, reason });
    }
  }

  /** Goes on with the rate that the queue has, if a process held it back. */
  private async look(tenant: string): Promise<void> {
    const found = await this.options.rates.get(tenantQueue(tenant));
    const ceiling = this.options.ceilingOf(tenant) ?? 0;
    const pace = this.paceOf(tenant);
    pace.lookedAt = this.now();
    if (pace.lookedAt - pace.writtenAt < SETTLED_MS) return;
    // What this process has written itself may be about to be replaced, and is no news.
    const own = pace.written !== undefined && isSame(pace.written, found);
    pace.written = found;
    if (own || found === undefined || pace.aimd.heldBackTo !== undefined) return;
    if (found.reason.startsWith(HELD_BACK) && found.activitiesPerSecond < ceiling)
      pace.aimd.adopt(found.activitiesPerSecond, this.now());
  }

  private lookSoon(tenant: string, pace: TenantPace): void {
    pace.lookedAt = this.now();
    this.turns
      .run(tenant, async () => {
        await this.look(tenant);
        if (pace.aimd.heldBackTo !== undefined) await this.write(tenant);
      })
      .catch((error: unknown) => this.failed(tenant, error));
  }

  private async write(tenant: string): Promise<void> {
    const wanted = this.wanted(tenant);
    const pace = this.tenants.get(tenant);
    if (wanted === undefined || pace === undefined || isNear(pace.written, wanted)) return;
    await this.options.rates.set(tenantQueue(tenant), wanted);
    pace.written = wanted;
    pace.writtenAt = this.now();
  }

  private failed(tenant: string, error: unknown): void {
    this.options.log.warn('QUEUE_RATE_NOT_SET', { tenant, reason: messageOf(error) });
  }

  private writeSoon(tenant: string): void {
    this.changed.add(tenant);
    this.writing ??= this.writeChanged().finally(() => (this.writing = undefined));
  }

  /** One write after the other, of whatever is wanted by then. */
  private async writeChanged(): Promise<void> {
    const { signal } = this.closing;
    for (const tenant of this.changed) {
      if (signal.aborted) return;
      this.changed.delete(tenant);
      let pauseMs = this.options.writeEveryMs ?? 100;
      try {
        await this.turns.run(tenant, () => this.write(tenant));
      } catch (error) {
        this.failed(tenant, error);
        // A Set's loop comes to what is added while it runs.
        this.changed.add(tenant);
        pauseMs = RETRY_MS;
      }
      await delay(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }
}

/** Rates come back from Temporal as 32-bit floats. */
function isSame(left: QueueRate, right: QueueRate | undefined): boolean {
  if (right === undefined || left.reason !== right.reason) return false;
  return Math.fround(left.activitiesPerSecond) === Math.fround(right.activitiesPerSecond);
}

function isNear(written: QueueRate | undefined, wanted: QueueRate): boolean {
  if (written === undefined) return false;
  const heldBack = [written, wanted].every(({ reason }) => reason.startsWith(HELD_BACK));
  if (!heldBack) return isSame(wanted, written);
  const [was, is] = [written.activitiesPerSecond, wanted.activitiesPerSecond];
  return Math.abs(was - is) < WORTH_WRITING * Math.max(was, is);
}
