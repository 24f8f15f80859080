import type { Client } from '@temporalio/client';
import pRetry from 'p-retry';
import { messageOf, retryable } from '../errors.js';
import type { BatchName } from '../events/event.js';
import { plannedAt } from '../ingest/batch-ids.js';
import type { Spool } from '../ingest/spool.js';
import { atOnce } from '../platform/at-once.js';
import type { Logger } from '../platform/logger.js';
import { MINUTE_MS } from '../platform/time.js';
import { hasForgotten } from '../temporal/forgotten.js';
import { startReload } from '../temporal/start-reload.js';
import type { TenantRegistry } from '../tenants/config/registry.js';
import type { TenantConfig } from '../tenants/config/tenant-config.js';
import { UNTIL_KNOWN } from './namespace-claim.js';

/** What {@link ReloadForgotten} needs. */
export interface ReloadForgottenOptions {
  readonly client: Client;
  readonly spool: Pick<Spool, 'lastStarted'>;
  readonly registry: Pick<TenantRegistry, 'list'>;
  readonly log: Pick<Logger, 'warn' | 'error'>;
  /** Ends all retries. */
  readonly signal: AbortSignal;
}

const AT_ONCE = 16;
const LOOK_EVERY_MS = MINUTE_MS;
/** One reload is of all that is kept: batches that are found to be forgotten meanwhile ask for no other. */
const AGAIN_AFTER_MS = 10 * MINUTE_MS;

/**
 * Finds out when Temporal's data was lost, or put back from a backup: it does not know a batch that it was given. The load
 * windows that batches were announced to are gone then as well, so all kept batches of all tenants are announced again.
 */
export class ReloadForgotten {
  private reloadedAt = -Infinity;
  private looking?: NodeJS.Timeout;

  constructor(private readonly options: ReloadForgottenOptions) {}

  /**
   * Looks whether Temporal still knows the batch that it got last. To be called before anything else is handed over: what
   * Temporal gets from then on it knows.
   * @throws HeadgateError `ENGINE_UNAVAILABLE`
   */
  async look(): Promise<void> {
    const { client, spool } = this.options;
    const last = spool.lastStarted();
    if (last === undefined) return;
    if (await this.retried(() => hasForgotten(client, last, plannedAt(last.batchId)))) await this.found(last);
  }

  /** Looks every minute; Temporal may be away. */
  follow(): void {
    const look = (): void => void this.look().catch(() => undefined);
    this.looking = setInterval(look, LOOK_EVERY_MS).unref();
  }

  /** A batch is forgotten. */
  async found({ tenant, batchId }: BatchName): Promise<void> {
    if (performance.now() - this.reloadedAt < AGAIN_AFTER_MS) return;
    this.reloadedAt = performance.now();
    const { registry, log } = this.options;
    const tenants = registry.list().map(({ config }) => config);
    log.error('TEMPORAL_DATA_LOST', { tenant, batch: batchId, tenants: tenants.length });
    await atOnce(AT_ONCE, tenants, (config) => this.reload(config, batchId));
  }

  /** Looks no more. */
  stop(): void {
    clearInterval(this.looking);
  }

  private async reload({ tenant, isolation }: TenantConfig, batchId: string): Promise<void> {
    const { client, log } = this.options;
    const start = () => startReload(client, { tenant, isolation, id: `after.${batchId}` });
    await this.retried(start).catch((error: unknown) =>
      log.warn('RELOAD_NOT_STARTED', { tenant, reason: messageOf(error) }),
    );
  }

  private retried<T>(ask: () => Promise<T>): Promise<T> {
    return pRetry(() => ask().catch(retryable), { ...UNTIL_KNOWN, signal: this.options.signal });
  }
}
