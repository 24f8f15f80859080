import type { Client } from '@temporalio/client';
import { HeadgateError } from '../errors.js';
import { Turns } from '../platform/event-loop-turns.js';
import type { ExpressionFailure } from '../expressions/failures.js';
import type { Logger } from '../platform/logger.js';
import type { BatchStore } from '../stores/batch-store/batch-store.js';
import type { UsageRecorder } from '../stores/usage/recorder.js';
import type { PullConfig } from '../tenants/config/subscription-config.js';
import type { TenantConfig } from '../tenants/config/tenant-config.js';
import { assertSubscriptionName, assertTenantId } from '../tenants/ids.js';
import type { HeldTasks } from '../recovery/journal.js';
import { HeldBytes, type HeldBytesLimits } from './held-bytes.js';
import { LongPolls } from './long-polls.js';
import type { LeasedBatchEnd, PullMessage } from './leased-batch.js';
import { createLeasedBatchSource, type LeasedBatchSource } from './leased-batch-source.js';
import { SubscriptionQueue, type Settle, type SettleResult } from './subscription-queue.js';

/** Whose events a call is about. The tenant is the verified token's. */
export interface Subscriber {
  readonly tenant: string;
  readonly subscription: string;
}

/** The calls that end or move leases. */
type SettleCall = 'ack' | 'nack' | 'modify-ack-deadline';

/** Called with what happens, for metrics; must not throw. */
export interface PullObserver {
  onLeasedBatchEnd?(end: Subscriber & LeasedBatchEnd & { readonly bytes: number }): void;
  /** The ordering key failed on events of a leased batch that was taken. */
  onKeysFailed?(failed: Subscriber & { readonly failures: readonly ExpressionFailure[] }): void;
  /** Events were handed out; `bytes` is the length of their JSON. */
  onPulled?(pulled: Subscriber & { readonly messages: number; readonly bytes: number }): void;
  onSettled?(
    settled: Subscriber & {
      readonly call: SettleCall;
      readonly ok: number;
      readonly refused: number;
    },
  ): void;
}

/** What {@link createPull} needs. */
export interface PullOptions {
  readonly client: Client;
  readonly namespace: string;
  readonly batchStore: Pick<BatchStore, 'read'>;
  /** The tenant's configuration as it is now. */
  readonly configOf: (tenant: string) => TenantConfig | undefined;
  readonly observer?: PullObserver;
  readonly heldBytes?: HeldBytesLimits;
  /** Consumers of one tenant that may wait at once. Default 1,000. */
  readonly maxLongPolls?: number;
  /**
   * Notes the tasks that are held, for the next process. Default: nobody does, and a killed process is missed after 30 s.
   */
  readonly holdings?: HeldTasks;
  /** Counts what leased batches come to. Default: nobody does. */
  readonly usage?: Pick<UsageRecorder, 'count'>;
  /** Shares the event loop between tenants. Default: turns of its own. */
  readonly turns?: Turns;
  readonly log: Logger;
}

/** What a consumer asks for. */
interface PullRequest {
  readonly maxMessages: number;
  /** Milliseconds to wait while there is nothing. */
  readonly waitMs: number;
}

/**
 * Pull subscriptions, as the API process serves them. All calls throw HeadgateError `NOT_FOUND` for what is not a pull
 * subscription.
 */
export interface Pull {
  /**
   * Takes events, or waits for them.
   * @param gone aborted when the consumer has gone, or may have nothing any more
   * @param check run right before events are handed out; where it rejects, so does this, and they are available again
   * @throws HeadgateError `TENANT_IN_FLIGHT_FULL`, `ENGINE_UNAVAILABLE`
   */
  pull(
    who: Subscriber,
    request: PullRequest,
    gone: AbortSignal,
    check?: () => Promise<void>,
  ): Promise<PullMessage[]>;
  /**
   * Acknowledges; resolves when Temporal has it. @throws HeadgateError `LEASE_STALE` (none is live), `ENGINE_UNAVAILABLE`
   */
  ack(who: Subscriber, ackIds: readonly string[]): Promise<SettleResult[]>;
  /** Gives back: the events are available again at once. @throws HeadgateError `LEASE_STALE`, `ENGINE_UNAVAILABLE` */
  nack(who: Subscriber, ackIds: readonly string[]): Promise<SettleResult[]>;
  /**
   * Moves deadlines to a number of milliseconds from now; 0 gives back. @throws HeadgateError `LEASE_STALE`,
   * `ENGINE_UNAVAILABLE`
   */
  extend(who: Subscriber, ackIds: readonly string[], ms: number): Promise<SettleResult[]>;
  /** What is held now, by subscription. */
  holding(): (Subscriber & SubscriptionQueue['holding'])[];
  /** Answers waiting consumers with nothing, and gives back what is held, so that other processes get it at once. */
  close(): Promise<void>;
}

const TICK_MS = 4_000;

/**
 * Serves pull subscriptions. What is to be delivered waits in Temporal, as an activity per batch and subscription; a
 * process takes one when its consumers ask, and holds it until every event of it is acknowledged or given up.
 */
export function createPull(options: PullOptions): Pull {
  const queues = new Queues(options);
  const { observer } = options;

  async function settle(call: SettleCall, who: Subscriber, ackIds: readonly string[], apply: Settle) {
    const results = await queues.of(who).settle(ackIds, apply, call === 'ack');
    const ok = results.filter(({ status }) => status === 'ok').length;
    observer?.onSettled?.({ ...who, call, ok, refused: results.length - ok });
    if (ok > 0) return results;
    const detail = 'None of these leases is live: their events are available again, or acknowledged.';
    throw new HeadgateError('LEASE_STALE', detail, { details: { results } });
  }

  return {
    pull: async (who, { maxMessages, waitMs }, gone, check) => {
      const messages = await queues.of(who).pull(maxMessages, waitMs, { gone, check });
      const bytes = messages.reduce((sum, { event }) => sum + event.length, 0);
      if (messages.length > 0) observer?.onPulled?.({ ...who, messages: messages.length, bytes });
      return messages;
    },
    ack: (who, ackIds) =>
      settle('ack', who, ackIds, (table, line, lease, now) => table.ack(line, lease, now)),
    nack: (who, ackIds) =>
      settle('nack', who, ackIds, (table, line, lease, now) => table.nack(line, lease, now)),
    extend: (who, ackIds, ms) =>
      settle('modify-ack-deadline', who, ackIds, (table, line, lease, now) =>
        ms === 0 ? table.nack(line, lease, now) : table.extend(line, lease, now + ms, now),
      ),
    holding: () => queues.holding(),
    close: () => queues.close(),
  };
}

/** The queues of subscriptions that have consumers here, or had a while ago. */
class Queues {
  private readonly queues = new Map<
    string,
    { readonly who: Subscriber; readonly queue: SubscriptionQueue }
  >();
  private readonly held: HeldBytes;
  private readonly turns: Turns;
  private readonly longPolls: LongPolls;
  private readonly source: LeasedBatchSource;
  private readonly ticking: NodeJS.Timeout;
  private closed = false;

  constructor(private readonly options: PullOptions) {
    this.held = new HeldBytes(options.heldBytes);
    this.turns = options.turns ?? new Turns();
    this.longPolls = new LongPolls(options.maxLongPolls);
    this.source = createLeasedBatchSource(options);
    this.ticking = setInterval(() => this.tick(), TICK_MS).unref();
  }

  /** @throws HeadgateError `NOT_FOUND`, `SHUTTING_DOWN` */
  of({ tenant, subscription }: Subscriber): SubscriptionQueue {
    if (this.closed) {
      const retry = { retryable: true, retryAfterSeconds: 1 };
      throw new HeadgateError('SHUTTING_DOWN', 'This node is stopping.', retry);
    }
    assertSubscriptionName(subscription);
    if (this.configOf({ tenant, subscription }) === undefined)
      throw new HeadgateError('NOT_FOUND', 'No pull subscription has this name.');
    // Neither may have a "/".
    const key = `${assertTenantId(tenant)}/${subscription}`;
    const known = this.queues.get(key) ?? this.made({ tenant, subscription });
    this.queues.set(key, known);
    return known.queue;
  }

  holding(): (Subscriber & SubscriptionQueue['holding'])[] {
    return [...this.queues.values()].map(({ who, queue }) => ({ ...who, ...queue.holding }));
  }

  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.ticking);
    await Promise.all([...this.queues.values()].map(({ queue }) => queue.close()));
  }

  private made(who: Subscriber): { who: Subscriber; queue: SubscriptionQueue } {
    const { batchStore, observer, log } = this.options;
    const queue = new SubscriptionQueue({
      ...who,
      source: this.source,
      batchStore,
      held: this.held,
      longPolls: this.longPolls,
      log,
      turns: this.turns,
      config: () => this.configOf(who),
      onLeasedBatchEnd: (end, bytes) => observer?.onLeasedBatchEnd?.({ ...who, ...end, bytes }),
      onFailures: (failures) => observer?.onKeysFailed?.({ ...who, failures }),
    });
    return { who, queue };
  }

  private tick(): void {
    for (const [key, { queue }] of this.queues) {
      queue.tick();
      if (queue.isIdle) this.queues.delete(key);
    }
  }

  private configOf({ tenant, subscription }: Subscriber): PullConfig | undefined {
    const subscriptions = this.options.configOf(tenant)?.subscriptions ?? [];
    const found = subscriptions.find(({ name }) => name === subscription);
    return found?.kind === 'pull' ? found : undefined;
  }
}
