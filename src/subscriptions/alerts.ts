import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import pRetry from 'p-retry';
import { alertEvent, type SubscriptionAlert } from '../events/delivered-event.js';
import { messageOf, retryable } from '../errors.js';
import { join, pack } from '../ingest/pack.js';
import type { Logger } from '../platform/logger.js';
import { ChunkRouting } from '../routing/chunk-routing.js';
import { joinRouted } from '../routing/join-routed.js';
import { startBatch } from '../temporal/start-batch.js';
import type { BatchStore } from '../stores/batch-store/batch-store.js';
import type { LoadedTenant } from '../tenants/config/registry.js';
import { tenantQueue } from '../tenants/queues.js';
import { assertBatchId } from '../tenants/ids.js';
import type { IngestBatchInput } from '../workflows/messages/batches.js';

/** What {@link SubscriptionAlerts} needs. */
export interface SubscriptionAlertsOptions {
  readonly client: Client;
  readonly batchStore: Pick<BatchStore, 'write'>;
  /** The tenant as it is configured now. */
  readonly tenantOf: (tenant: string) => LoadedTenant | undefined;
  /** Which subscriptions take nothing new. */
  readonly isDraining: (tenant: string, subscription: string) => boolean;
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

/** What stands for the node in ids of batches that no spool has made. */
const NODE = '00000000';

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
    const { client, batchStore, tenantOf, isDraining } = this.options;
    const { tenant } = alert;
    const loaded = tenantOf(tenant);
    // It was removed in the meantime: nobody is left to be told.
    if (loaded === undefined) return;
    const event = alertEvent(alert, receivedAt);
    const file = await join([pack(`${JSON.stringify(event)}\n`)]);
    const batch = await batchStore.write({ tenant, stream: 'events', batchId: batchIdOf(alert) }, file, 1);
    const routing =
      loaded.router && new ChunkRouting(loaded.router, 'events', (name) => isDraining(tenant, name));
    routing?.take(event, 0);
    const routed = joinRouted([{ events: 1, evaluated: 0, routed: routing?.routed() }]);
    const input: IngestBatchInput = {
      batch,
      activityQueue: tenantQueue(tenant),
      decided: { evaluated: 0, eligible: {} },
      contents: { types: [event.type], firstEvent: event.id, lastEvent: event.id },
      ...(routed.length > 0 && { routed }),
    };
    const { isolation } = loaded.config;
    const start = { client, isolationOf: () => isolation };
    await client.withAbortSignal(this.closing.signal, () => startBatch(start, input));
  }
}

/**
 * The id of the batch of an alert: the same however often it is raised. The sequence is the time in milliseconds, so
 * that ids are in order as those of a spool are, and a digit that tells alerts of one moment apart.
 */
export function batchIdOf({ subscription, state, since }: SubscriptionAlert): string {
  const digit = createHash('sha256').update(`${subscription}/${state}`).digest().readUInt32LE() % 36;
  const sequence = (Date.parse(since) * 36 + digit).toString(36).padStart(9, '0');
  return assertBatchId(`${since.slice(0, 10).replaceAll('-', '')}-${NODE}-${sequence}`);
}
