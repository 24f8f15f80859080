import type { Client } from '@temporalio/client';
import pRetry from 'p-retry';
import { messageOf, retryable } from '../errors.js';
import { plannedAt } from '../ingest/batch-ids.js';
import type { Spool } from '../ingest/spool.js';
import type { Logger } from '../platform/logger.js';
import { hasForgotten } from '../temporal/forgotten.js';
import { startReload } from '../temporal/start-reload.js';
import type { TenantRegistry } from '../tenants/config/registry.js';

/** What {@link reloadForgotten} needs. */
export interface ReloadForgottenOptions {
  readonly client: Client;
  readonly spool: Pick<Spool, 'lastStarted'>;
  readonly registry: Pick<TenantRegistry, 'list'>;
  readonly log: Pick<Logger, 'warn' | 'error'>;
  /** Ends all retries. */
  readonly signal: AbortSignal;
}

/** Until a new namespace is known to all parts of its server; see namespace-claim.ts. */
const RETRY = { retries: 6, minTimeout: 200, factor: 2 } as const;
const AT_ONCE = 16;

/**
 * Looks whether Temporal still knows the batch that it got last. Where it does not, its data was lost, or put back from a
 * backup, and with it the load windows that batches were announced to: all kept batches of all tenants are announced again.
 * To be called before anything else is handed over: what Temporal gets from then on it knows.
 * @returns how many tenants' batches are announced again
 * @throws HeadgateError `ENGINE_UNAVAILABLE`
 */
export async function reloadForgotten(options: ReloadForgottenOptions): Promise<number> {
  const { client, spool, registry, log, signal } = options;
  const last = spool.lastStarted();
  const retried = <T>(ask: () => Promise<T>): Promise<T> =>
    pRetry(() => ask().catch(retryable), { ...RETRY, signal });
  if (last === undefined || !(await retried(() => hasForgotten(client, last, plannedAt(last.batchId)))))
    return 0;
  const tenants = registry.list().map(({ config }) => config);
  log.error('TEMPORAL_DATA_LOST', { tenant: last.tenant, batch: last.batchId, tenants: tenants.length });
  const left = tenants.values();
  const startOn = async (): Promise<void> => {
    for (const { tenant, isolation } of left) {
      const start = () => startReload(client, { tenant, isolation, id: `after.${last.batchId}` });
      await retried(start).catch((error: unknown) =>
        log.warn('RELOAD_NOT_STARTED', { tenant, reason: messageOf(error) }),
      );
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, startOn));
  return tenants.length;
}
