import { setTimeout as delay } from 'node:timers/promises';
import pRetry from 'p-retry';
import { alertEvent, type SubscriptionAlert } from '../events/delivered-event.js';
import { messageOf, retryable } from '../errors.js';
import type { Logger } from '../platform/logger.js';
import { ownBatchId, startOwnBatch, type OwnBatchOptions } from './own-batch.js';

/** What {@link SubscriptionAlerts} needs. */
export interface SubscriptionAlertsOptions extends OwnBatchOptions {
  readonly log: Pick<Logger, 'warn' | 'error'>;
  /** Pause before the second try, in milliseconds; each is twice as long as the one before. Default 1 s. */
  readonly firstPauseMs?: number;
}

/** Tries after the first, over some four minutes; then an alert is given up. */
const RETRIES = 8;
/** Alerts on their way at once; each subscription has one now and then. */
const MAX_PENDING = 1_000;

/** How long the end of the process waits for alerts. */
const CLOSE_WITHIN_MS = 2_000;

/**
 * Alerts a tenant about its subscriptions by an event of its own: a batch of one event, routed like any other, so
 * that it is in the warehouse, in the history, and with whichever subscription the tenant's routes name. Telling never
 * holds up what it is about; an alert that cannot be handed over within minutes, or before the process ends, is given up.
 */
export class SubscriptionAlerts {
  private readonly pending = new Set<Promise<void>>();
  private readonly closing = new AbortController();

  constructor(private readonly options: SubscriptionAlertsOptions) {}

  /** Raises an alert; the same one raised again makes no second event. */
  raise(alert: SubscriptionAlert): void {
    const { log, firstPauseMs: minTimeout = 1_000 } = this.options;
    const { tenant, subscription, state } = alert;
    const fields = { tenant, subscription, status: state };
    if (this.pending.size >= MAX_PENDING) return log.error('ALERT_DROPPED', fields);
    const receivedAt = new Date().toISOString();
    const retry = { retries: RETRIES, minTimeout, maxTimeout: 60 * minTimeout, signal: this.closing.signal };
    const told = pRetry(() => this.send(alert, receivedAt).catch(retryable), {
      ...retry,
      onFailedAttempt: ({ error }) => log.warn('ALERT_DELAYED', { ...fields, reason: messageOf(error) }),
    }).catch((error: unknown) => log.error('ALERT_LOST', { ...fields, reason: messageOf(error) }));
    this.pending.add(told);
    void told.finally(() => this.pending.delete(told));
  }

  /** Gives up what cannot be handed over in a moment. */
  async close(): Promise<void> {
    await Promise.race([Promise.all(this.pending), delay(CLOSE_WITHIN_MS, undefined, { ref: false })]);
    this.closing.abort(new Error('the process ends'));
    await Promise.all(this.pending);
  }

  private async send(alert: SubscriptionAlert, receivedAt: string): Promise<void> {
    const { client } = this.options;
    const { tenant } = alert;
    const batch = { tenant, batchId: batchIdOf(alert), events: [alertEvent(alert, receivedAt)] };
    await client.withAbortSignal(this.closing.signal, () => startOwnBatch(this.options, batch));
  }
}

/**
 * The id of the batch of an alert: the same however often it is raised. The sequence is the time in milliseconds, so
 * that ids are in order as those of a spool are, and a digit that tells alerts of one moment apart.
 */
export function batchIdOf({ subscription, state, since }: SubscriptionAlert): string {
  return ownBatchId(Date.parse(since), `${subscription}/${state}`);
}
