import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../errors.js';
import type { ExpressionFailure } from '../expressions/failures.js';
import type { Logger } from '../platform/logger.js';
import type { BatchStore } from '../stores/batch-store/batch-store.js';
import type { PullConfig } from '../tenants/config/subscription-config.js';
import { parseAckId } from './ack-id.js';
import { DeadlineTimer } from './deadline-timer.js';
import type { HeldBytes } from './held-bytes.js';
import type { Lease, LeaseTable } from './lease-table.js';
import type { LeasedBatch, LeasedBatchEnd, PullMessage } from './leased-batch.js';
import type { LongPolls } from './long-polls.js';
import type { HeldPass, LeasedBatchSource } from './leased-batch-source.js';
import type { Turns } from '../platform/event-loop-turns.js';
import { openLeasedBatch, untouched } from './open-leased-batch.js';
import { Waiters, type Consumer } from './waiters.js';

/** What a {@link SubscriptionQueue} needs. */
export interface SubscriptionQueueOptions {
  readonly tenant: string;
  readonly subscription: string;
  readonly source: LeasedBatchSource;
  readonly batchStore: Pick<BatchStore, 'read'>;
  /** Shares the event loop between tenants. */
  readonly turns: Turns;
  /** The subscription as it is configured now; undefined when it is not, or not for pulling. */
  readonly config: () => PullConfig | undefined;
  readonly held: HeldBytes;
  readonly longPolls: LongPolls;
  readonly onLeasedBatchEnd: (end: LeasedBatchEnd, bytes: number) => void;
  /** Called with ordering keys that failed. */
  readonly onFailures?: (failures: readonly ExpressionFailure[]) => void;
  readonly log: Logger;
}

/** What has become of one ack id. */
export interface SettleResult {
  readonly ackId: string;
  /** `stale`: its lease has ended, or is not of this subscription. `unknown`: it is not an ack id. */
  readonly status: 'ok' | 'stale' | 'unknown';
}

/** What to do with a live lease; false if it has ended. */
export type Settle = (table: LeaseTable, line: number, lease: number, now: number) => boolean;

interface Taken {
  readonly batch: LeasedBatch;
  readonly lease: Lease;
  readonly message: PullMessage;
}

/**
 * Leased batches of one subscription at once; with an ordering key it is one. Small batches need more of them than big
 * ones.
 */
const MAX_LEASED_BATCHES = 32;
/** Characters of events in an answer, beyond which it takes no more. */
const MAX_ANSWER_LENGTH = 4_000_000;
/** A leased batch is kept for 30 s by each sign of life; this leaves room for a few that fail. */
const HEARTBEAT_MS = 8_000;
/** Rest after Temporal could not be asked for a leased batch. */
const POLL_REST_MS = 1_000;

/**
 * The consumers of one subscription that have come to this process, and the leased batches it holds for them. Consumers are
 * served in the order they come, from the leased batches in the order they were taken. Temporal is asked for another leased
 * batch only while somebody waits and nothing is at hand.
 */
export class SubscriptionQueue {
  private readonly batches = new Map<string, LeasedBatch>();
  private readonly waiters = new Waiters<Taken>();
  private polling?: Promise<void>;
  private asked = false;
  private askedAt = performance.now();
  private pulling = 0;
  private closed = false;
  private readonly deadline = new DeadlineTimer(() => this.expire());

  constructor(private readonly options: SubscriptionQueueOptions) {}

  /** True when it can be forgotten. */
  get isIdle(): boolean {
    return this.batches.size === 0 && this.pulling === 0 && this.polling === undefined;
  }

  /** Leased batches held, and leases that consumers have. */
  get holding(): { batches: number; leases: number; bytes: number } {
    const batches = [...this.batches.values()];
    const leases = batches.reduce((sum, { table }) => sum + table.leased, 0);
    return { batches: batches.length, leases, bytes: batches.reduce((sum, { bytes }) => sum + bytes, 0) };
  }

  /**
   * Takes events; empty when none has come within `waitMs`, or the consumer has gone.
   * @throws HeadgateError `TENANT_IN_FLIGHT_FULL`, `ENGINE_UNAVAILABLE`; and what the consumer's check throws
   */
  async pull(max: number, waitMs: number, consumer: Consumer): Promise<PullMessage[]> {
    const until = performance.now() + waitMs;
    this.pulling++;
    try {
      for (;;) {
        const taken = await this.turn(max, Math.max(0, until - performance.now()), consumer.gone);
        const kept = taken.length === 0 ? [] : await this.confirm(taken, consumer);
        // Otherwise they were of a leased batch that had been lost.
        if (kept.length > 0 || taken.length === 0 || consumer.gone.aborted) return kept;
      }
    } finally {
      this.pulling--;
    }
  }

  /**
   * Ends or moves leases.
   * @param durable whether the answer must wait until Temporal has it
   * @throws HeadgateError `ENGINE_UNAVAILABLE`: it may have it or not; the call may be made again
   */
  async settle(ackIds: readonly string[], apply: Settle, durable: boolean): Promise<SettleResult[]> {
    const now = performance.now();
    const touched = new Map<LeasedBatch, number[]>();
    const results = ackIds.map((ackId, index): SettleResult => {
      const name = parseAckId(ackId);
      if (name === undefined) return { ackId, status: 'unknown' };
      const batch = this.batches.get(name.batch);
      if (batch === undefined || !batch.isOpen || !apply(batch.table, name.line, name.lease, now))
        return { ackId, status: 'stale' };
      touched.set(batch, [...(touched.get(batch) ?? []), index]);
      return { ackId, status: 'ok' };
    });
    this.serve();
    const saving = [...touched].map(async ([batch, indexes]) => {
      if ((!durable && !batch.isDue) || (await batch.save())) return;
      for (const index of indexes) results[index] = { ...results[index]!, status: 'stale' };
    });
    await Promise.all(saving);
    return results;
  }

  /** To be called every few seconds: keeps the leased batches, and gives back those nobody wants. */
  tick(): void {
    const now = performance.now();
    const config = this.options.config();
    const forgotten = now - this.askedAt > 2 * (config?.ackDeadlineMs ?? 0);
    for (const batch of this.batches.values()) {
      const unwanted = forgotten && this.waiters.count === 0 && batch.table.leased === 0;
      if (batch.isOpen && (unwanted || config === undefined)) this.inBackground(batch.giveBack());
      else if (batch.isDue || now - batch.savedAt >= HEARTBEAT_MS) this.inBackground(batch.save());
    }
  }

  /** Sends waiting consumers away, gives all leased batches back, and waits for the poll that is under way. */
  async close(): Promise<void> {
    this.closed = true;
    this.waiters.dismiss();
    this.deadline.set(Infinity);
    await Promise.allSettled([...this.batches.values()].map((batch) => batch.giveBack()));
    await this.polling;
  }

  private turn(max: number, waitMs: number, gone: AbortSignal): Promise<Taken[]> | Taken[] {
    this.askedAt = performance.now();
    if (this.closed || gone.aborted) return [];
    const taken = this.waiters.count === 0 ? this.take(max) : [];
    if (taken.length > 0) return taken;
    return this.options.longPolls.count(this.options.tenant, () => {
      this.asked = true;
      const turn = this.waiters.wait(max, waitMs, gone);
      this.poll();
      return turn;
    });
  }

  private take(max: number): Taken[] {
    const taken: Taken[] = [];
    const deadline = performance.now() + (this.options.config()?.ackDeadlineMs ?? 0);
    let length = 0;
    for (const batch of this.batches.values()) {
      while (taken.length < max && length < MAX_ANSWER_LENGTH) {
        const lease = batch.lease(deadline);
        if (lease === undefined) break;
        const message = batch.message(lease);
        length += message.event.length;
        taken.push({ batch, lease, message });
      }
    }
    if (taken.length > 0) this.watchDeadlines();
    return taken;
  }

  /** Lets a consumer have what Temporal has heard of, and takes the rest back. */
  private async confirm(taken: readonly Taken[], { gone, check }: Consumer): Promise<PullMessage[]> {
    const batches = [...new Set(taken.map(({ batch }) => batch))];
    try {
      const kept = await Promise.all(batches.map(async (batch) => ((await batch.save()) ? [batch] : [])));
      if (!gone.aborted) await check?.();
      const held = new Set(kept.flat().filter((batch) => batch.isOpen));
      if (!gone.aborted) return taken.flatMap(({ batch, message }) => (held.has(batch) ? [message] : []));
      this.withdraw(taken);
      return [];
    } catch (error) {
      this.withdraw(taken);
      throw error;
    }
  }

  private withdraw(taken: readonly Taken[]): void {
    for (const { batch, lease } of taken.toReversed()) batch.table.withdraw(lease);
    this.serve();
  }

  private serve(): void {
    this.waiters.serve((max) => this.take(max));
    this.watchDeadlines();
    if (this.waiters.count > 0) this.poll();
  }

  private poll(): void {
    if (this.polling !== undefined || !this.wantsBatch()) return;
    this.polling = this.takeBatches().finally(() => {
      this.polling = undefined;
      // Somebody may have come meanwhile.
      if (this.waiters.count > 0) this.poll();
    });
  }

  private wantsBatch(): boolean {
    const config = this.options.config();
    const wanted = this.waiters.count > 0 || this.asked;
    const most = config?.orderingKey === undefined ? MAX_LEASED_BATCHES : 1;
    return (
      !this.closed &&
      wanted &&
      config !== undefined &&
      this.batches.size < most &&
      this.options.held.hasRoom(this.options.tenant)
    );
  }

  private async takeBatches(): Promise<void> {
    const { source, tenant, subscription, log } = this.options;
    while (this.wantsBatch()) {
      this.asked = false;
      try {
        const pass = await source.poll(tenant, subscription);
        if (pass !== undefined) await this.open(pass);
      } catch (error) {
        log.warn('PULL_FAILED', { tenant, subscription, reason: messageOf(error) });
        await delay(POLL_REST_MS);
      }
    }
  }

  private async open(pass: HeldPass): Promise<void> {
    const config = this.options.config();
    const { batchStore, tenant, held, turns, onFailures } = this.options;
    if (this.closed || config === undefined) {
      await pass.complete(untouched(pass));
      return;
    }
    try {
      if (pass.input.batch.tenant !== tenant) throw new Error('a batch of another tenant was in the queue');
      const onEnd = (batch: LeasedBatch, end: LeasedBatchEnd): void => this.ended(batch, end);
      const batch = await openLeasedBatch(pass, { batchStore, config, onEnd, turns, onFailures });
      if (batch === undefined) return;
      this.batches.set(batch.id, batch);
      held.add(tenant, batch.bytes);
      if (this.closed) await batch.giveBack();
      // An earlier holder had got to the end of it.
      else if (batch.isDue) await batch.save();
    } catch (error) {
      await pass.fail(error);
      throw error;
    }
    this.serve();
  }

  private ended(batch: LeasedBatch, end: LeasedBatchEnd): void {
    this.batches.delete(batch.id);
    this.options.held.add(this.options.tenant, -batch.bytes);
    this.options.onLeasedBatchEnd(end, batch.bytes);
    if (this.waiters.count > 0) this.poll();
  }

  private watchDeadlines(): void {
    const deadlines = [...this.batches.values()].map(({ table }) => table.nextDeadline);
    this.deadline.set(this.closed ? Infinity : Math.min(...deadlines));
  }

  private expire(): void {
    for (const batch of this.batches.values()) {
      batch.table.expire(performance.now());
      if (batch.isDue) this.inBackground(batch.save());
    }
    this.serve();
  }

  /** What fails is done again with the next tick. */
  private inBackground(work: Promise<unknown>): void {
    const { tenant, subscription, log } = this.options;
    work.catch((error: unknown) =>
      log.warn('LEASED_BATCH_NOT_SAVED', { tenant, subscription, reason: messageOf(error) }),
    );
  }
}
