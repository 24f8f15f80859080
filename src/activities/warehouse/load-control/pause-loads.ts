import { HeadgateError, messageOf } from '../../../errors.js';
import type { Logger } from '../../../platform/logger.js';

/** What {@link createPauseLoads} needs. */
export interface PauseLoadsOptions {
  /** Pauses the tenant's warehouse, unless it is paused, and raises an alert. */
  readonly pause: (tenant: string, reason: string) => Promise<unknown>;
  readonly log: Pick<Logger, 'warn'>;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/**
 * Called with a load that the warehouse refused, and when it had begun, in milliseconds since the epoch. Resolves to the
 * error that the load is to fail with: it is tried again.
 */
export type PauseLoads = (tenant: string, refusal: HeadgateError, beganAt: number) => Promise<HeadgateError>;

/** The pause holds the load back then, and says when to ask again. */
const AGAIN_AFTER_SECONDS = 15;

/**
 * Builds what pauses the loads of a tenant whose warehouse refuses them for what only a person can fix, such as a
 * permission: its warehouse is paused with the reason, so that windows wait, and nothing asks without success. A resume is
 * what has them tried again.
 */
export function createPauseLoads({ pause, log, now = Date.now }: PauseLoadsOptions): PauseLoads {
  const pausedAt = new Map<string, number>();

  return async (tenant, refusal, beganAt) => {
    const before = pausedAt.get(tenant);
    // One that began before the last pause says nothing new: what it was refused for may have been fixed since.
    if (before === undefined || beganAt > before) {
      pausedAt.set(tenant, now());
      await pause(tenant, refusal.message).catch((error: unknown) => {
        pausedAt.delete(tenant);
        log.warn('WAREHOUSE_NOT_PAUSED', { tenant, reason: messageOf(error) });
      });
    }
    const message =
      `${refusal.message} Loads of tenant ${tenant} wait, and nothing is lost; ` +
      `when that is fixed: headgate subscription resume warehouse --tenant ${tenant}`;
    return new HeadgateError(refusal.code, message, {
      retryable: true,
      retryAfterSeconds: AGAIN_AFTER_SECONDS,
      details: refusal.details,
      cause: refusal.cause,
    });
  };
}
