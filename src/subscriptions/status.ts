import { clipToJsonBytes } from '../platform/clip.js';
import type { QueueRate } from '../temporal/queue-rates.js';

/**
 * How a subscription stands:
 * - `active`: takes events and delivers them;
 * - `paused` by somebody: takes events, which wait;
 * - `draining` by somebody: takes no new events, delivers what waits;
 * - `disabled` by Headgate, since its endpoint said 410 or failed for long: as paused, until it is resumed;
 * - `breaker-open`: its endpoint fails, or nothing can be sent to it as it is configured (see {@link isFault}); one batch at a
 *   time is tried, rarely.
 */
export type SubscriptionState = 'active' | 'paused' | 'draining' | 'disabled' | 'breaker-open';

/** How a subscription stands, and who or what made it so. */
export interface SubscriptionStatus {
  readonly state: SubscriptionState;
  /** Why, in words; absent while it is active. */
  readonly reason?: string;
  /** Who: the subject of a token, `headgate` itself, or `unknown` for a rate that was set by hand. */
  readonly by?: string;
  /** Since when, ISO 8601. */
  readonly since?: string;
}

/** True for the reason of a breaker that no receiver has opened: `SECRET_MISSING: …`, `QUEUE_REFUSED: …`. */
export function isFault(reason: string | undefined): boolean {
  return /^(SECRET|QUEUE)_[A-Z]+: /.test(reason ?? '');
}

/** The rate while the breaker is open: a try in half a minute. */
const PROBES_PER_SECOND = 1 / 30;

/** Temporal takes 1,000 bytes as the reason of a rate; with what stands around them these make 930. */
const MAX_BY_BYTES = 200;
const MAX_REASON_BYTES = 600;

/** What the reason of a rate begins with when Headgate set it. */
const MARK = 'headgate subscription ';

/**
 * A status as the rate of the subscription's queue. Temporal's queue configuration is where it is kept: it holds what
 * waits back on its own, for all processes, and `temporal task-queue config get` shows it with its reason.
 */
export function rateOf(status: SubscriptionStatus, activitiesPerSecond: number): QueueRate {
  const { state, reason, by, since } = status;
  const clipped = {
    by: by && clipToJsonBytes(by, MAX_BY_BYTES),
    since,
    reason: reason && clipToJsonBytes(reason, MAX_REASON_BYTES),
  };
  const detail = state === 'active' ? '' : ` ${JSON.stringify(clipped)}`;
  return {
    activitiesPerSecond: ratePerSecond(state, activitiesPerSecond),
    reason: `${MARK}${state}${detail}`,
  };
}

function ratePerSecond(state: SubscriptionState, configured: number): number {
  if (state === 'paused' || state === 'disabled') return 0;
  return state === 'breaker-open' ? Math.min(configured, PROBES_PER_SECOND) : configured;
}

const STATES: readonly SubscriptionState[] = ['active', 'paused', 'draining', 'disabled', 'breaker-open'];

/** The status that a queue's rate tells; a rate of 0 that somebody has set by hand is a pause. */
export function statusOf(rate: QueueRate | undefined): SubscriptionStatus {
  if (rate === undefined) return { state: 'active' };
  const [, state, detail] = /^headgate subscription ([a-z-]+)(?: (\{.*\}))?$/s.exec(rate.reason) ?? [];
  const known = STATES.find((each) => each === state);
  if (known !== undefined) return { state: known, ...detailOf(detail) };
  if (rate.activitiesPerSecond > 0) return { state: 'active' };
  return { state: 'paused', by: 'unknown', reason: rate.reason };
}

function detailOf(json: string | undefined): Omit<SubscriptionStatus, 'state'> {
  try {
    const detail = JSON.parse(json ?? '{}') as Record<string, unknown>;
    const texts = Object.entries(detail).filter(([key, value]) => KEYS.has(key) && typeof value === 'string');
    return Object.fromEntries(texts);
  } catch {
    return {};
  }
}

const KEYS: ReadonlySet<string> = new Set(['by', 'since', 'reason']);
