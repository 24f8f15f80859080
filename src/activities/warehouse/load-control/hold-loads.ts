import { HeadgateError } from '../../../errors.js';
import type { SubscriptionStatus } from '../../../subscriptions/status.js';

/** What {@link createHoldLoads} needs. */
export interface HoldLoadsOptions {
  /** How the tenant's warehouse stands now, as Temporal says. */
  readonly statusOf: (tenant: string) => Promise<SubscriptionStatus>;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** Resolves when a tenant's warehouse may be loaded now. Rejects with `PAUSED`, and when to ask again, if it is paused. */
export type HoldLoads = (tenant: string) => Promise<void>;

/** A load that is held back asks again after this long at the earliest. */
const AGAIN_AFTER_MS = 15_000;
/** Loads of one tenant that are held back ask one after the other, however many they have become. */
const APART_MS = 500;
/**
 * Beyond this number of paused tenants each one's loads ask more rarely: about twenty a second over all is what this may
 * cost.
 */
const TENANTS_AT_FULL_RATE = 10;

/**
 * Builds what holds loads back while a tenant's warehouse is paused: the load fails and is tried again, so that its window
 * stays in Temporal, where the UI shows why, and no Worker has to wait for it.
 */
export function createHoldLoads({ statusOf, now = Date.now }: HoldLoadsOptions): HoldLoads {
  /** By paused tenant: when the last of its loads that are held back asks again. */
  const lastAt = new Map<string, number>();

  return async (tenant) => {
    const status = await statusOf(tenant);
    if (status.state !== 'paused') {
      lastAt.delete(tenant);
      return;
    }
    const apartMs = APART_MS * Math.max(1, lastAt.size / TENANTS_AT_FULL_RATE);
    const at = Math.max(now() + AGAIN_AFTER_MS, (lastAt.get(tenant) ?? 0) + apartMs);
    lastAt.set(tenant, at);
    throw new HeadgateError('PAUSED', messageFor(tenant, status), {
      retryable: true,
      retryAfterSeconds: (at - now()) / 1000,
    });
  };
}

function messageFor(tenant: string, { by, since, reason }: SubscriptionStatus): string {
  const details = [by && `by ${by}`, since && `since ${since}`, reason && `"${reason}"`].filter(Boolean);
  const paused = ['paused', details.join(', ')].filter(Boolean).join(' ');
  return (
    `The warehouse of tenant ${tenant} is ${paused}. Nothing is lost; ` +
    `loads go on soon after: headgate subscription resume warehouse --tenant ${tenant}`
  );
}
