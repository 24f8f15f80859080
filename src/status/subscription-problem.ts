import type { SubscriptionLag } from '../subscriptions/lags.js';
import type { SubscriptionStatus } from '../subscriptions/status.js';
import { WAREHOUSE } from '../tenants/subscription.js';
import type { TenantConfig } from '../tenants/config/tenant-config.js';
import type { Problem, ProblemKind, Undelivered } from './report.js';
import { inWords, undeliveredInWords } from './words.js';

/** A delivery that goes through takes less; the alert `HeadgateSubscriptionSlow` has the same. */
const BEHIND_SECONDS = 20;
/** What is as much older than the rest says so. */
const OLD_MS = 30_000;

/** Pages of the runbook, by what is wrong with a subscription. */
const PAGES = {
  disabled: 'subscription-disabled.md',
  'paused-by-headgate': 'warehouse-paused.md',
  'breaker-open': 'breaker-opened.md',
  failing: 'subscription-failing.md',
  'loads-wait': 'rows-are-missing.md',
  slow: 'subscription-lags.md',
  behind: 'subscription-lags.md',
  paused: 'subscription-lags.md',
  draining: 'subscription-lags.md',
  expensive: 'subscription-expensive.md',
} as const satisfies Partial<Record<ProblemKind, string>>;

/** Pages of the runbook, by what a load fails with. */
const LOAD_PAGES: Readonly<Record<string, string>> = {
  WAREHOUSE_QUOTA: 'loads-wait-for-a-quota.md',
  PAUSED: 'warehouse-paused.md',
};

type SubscriptionProblemKind = keyof typeof PAGES;

/** What waits for a subscription. */
export function undeliveredOf({
  subscription,
  batches,
  events = 0,
  oldestSeconds,
}: SubscriptionLag): Undelivered {
  return subscription === WAREHOUSE
    ? { batches: 0, events: 0, windows: batches, oldestSeconds }
    : { batches, events, windows: 0, oldestSeconds };
}

/** What is wrong with a subscription, or stops it; undefined where nothing is. */
export function subscriptionProblem(
  lag: SubscriptionLag,
  config: TenantConfig,
  lookedAt = 0,
): Problem | undefined {
  const { tenant, subscription, failing, load, askedAt } = lag;
  const status = statusOf(lag, config);
  const kind = kindOf(lag, status);
  if (kind === undefined) return undefined;
  const lastError = failing?.lastError ?? load?.lastError;
  const since = status.state === 'active' ? sinceOf(lag, kind) : status.since;
  const isOld = askedAt !== undefined && lookedAt - askedAt > OLD_MS;
  const undelivered = undeliveredOf(lag);
  const page = kind === 'loads-wait' ? (LOAD_PAGES[load?.code ?? ''] ?? PAGES[kind]) : PAGES[kind];
  return {
    level: levelOf(kind),
    kind,
    tenant,
    subscription,
    ...(since !== undefined && { since }),
    ...(isOld && { asOf: new Date(askedAt).toISOString() }),
    ...(lag.batches > 0 && { undelivered }),
    ...(lastError !== undefined && { lastError }),
    what: whatOf(kind, { lag, status, since, lastError, undelivered }),
    command: `headgate subscription ${verbOf(kind)} ${subscription} --tenant ${tenant}`,
    page: `docs/runbook/${page}`,
  };
}

/** A rate that holds loads back is a pause as well. */
function statusOf({ subscription, status }: SubscriptionLag, { limits }: TenantConfig): SubscriptionStatus {
  if (subscription !== WAREHOUSE || status.state !== 'active' || limits.activitiesPerSecond > 0)
    return status;
  const reason = "limits.activitiesPerSecond is 0 in the tenant's file";
  return { state: 'paused', by: 'configuration', reason };
}

function kindOf(
  lag: SubscriptionLag,
  { state, by }: SubscriptionStatus,
): SubscriptionProblemKind | undefined {
  if (state === 'disabled' || state === 'breaker-open') return state;
  if (state === 'paused') return by === 'headgate' ? 'paused-by-headgate' : 'paused';
  if (lag.failing !== undefined) return 'failing';
  if (state === 'draining') return state;
  if (lag.subscription === WAREHOUSE) return lag.load && 'loads-wait';
  if (lag.slow !== undefined) return 'slow';
  if (lag.oldestSeconds > BEHIND_SECONDS) return 'behind';
  return lag.expensive && 'expensive';
}

function levelOf(kind: SubscriptionProblemKind): Problem['level'] {
  if (kind === 'expensive') return 'notice';
  return kind === 'paused' || kind === 'draining' ? 'held' : 'failing';
}

function sinceOf(
  { failing, slow, expensive }: SubscriptionLag,
  kind: SubscriptionProblemKind,
): string | undefined {
  if (kind === 'slow') return slow?.since;
  return kind === 'expensive' ? expensive?.since : failing?.since;
}

interface Known {
  readonly lag: SubscriptionLag;
  readonly status: SubscriptionStatus;
  readonly since?: string;
  readonly lastError?: string;
  readonly undelivered: Undelivered;
}

/** In one line: what, for how long, why, and what waits. */
function whatOf(
  kind: SubscriptionProblemKind,
  { lag, status, since, lastError, undelivered }: Known,
): string {
  const { by, reason } = status;
  const who = by === undefined ? '' : ` by ${by}`;
  const said: Readonly<Record<SubscriptionProblemKind, string>> = {
    disabled: 'disabled: it takes events, and delivers none',
    'paused-by-headgate': 'paused by headgate until somebody resumes it',
    'breaker-open': 'its breaker is open',
    failing: 'every delivery fails',
    'loads-wait': lastError === undefined ? 'loads wait' : 'loads are held up',
    slow: `a try takes ${lag.slow?.seconds} s on average`,
    behind: 'deliveries are late',
    paused: `paused${who}`,
    draining: `drains${who}: it takes no new events`,
    expensive: `it takes ${lag.expensive?.cores} of a CPU, far more than the others`,
  };
  const long = since === undefined ? '' : `, for ${inWords((Date.now() - Date.parse(since)) / 1000)}`;
  const why = [reason, lastError === reason ? undefined : lastError].filter(Boolean).join('; ');
  return [`${said[kind]}${long}`, why, undeliveredInWords(undelivered)].filter(Boolean).join(' — ');
}

const RESUMED: ReadonlySet<SubscriptionProblemKind> = new Set([
  'disabled',
  'paused-by-headgate',
  'paused',
  'draining',
]);

function verbOf(kind: SubscriptionProblemKind): 'resume' | 'show' {
  return RESUMED.has(kind) ? 'resume' : 'show';
}
