import type { Route } from './route.js';
import { ACTIVITY_ROUTES, type ActivityServices } from './routes/activity.js';
import { ANALYTICS_ROUTES } from './routes/analytics.js';
import { AUDIT_LOG_ROUTES, type AuditLogServices } from './routes/audit-log.js';
import { BATCH_ROUTES } from './routes/batches.js';
import { CONSOLE_ROUTES, type ConsoleServices } from './routes/console.js';
import { DEAD_LETTER_ROUTES, type DeadLetterServices } from './routes/dead-letters.js';
import { DOCUMENTATION_ROUTES, type DocumentationServices } from './routes/documentation.js';
import { ELIGIBILITY_ROUTES } from './routes/eligibility.js';
import { EVENT_HISTORY_ROUTES } from './routes/event-history.js';
import { EVENT_ROUTES } from './routes/events.js';
import { HEALTH_ROUTES, type HealthServices } from './routes/health.js';
import { METRICS_ROUTES, type MetricsServices } from './routes/metrics.js';
import { PULL_ROUTES, type PullServices } from './routes/pull.js';
import { REJECTED_EVENTS_ROUTES } from './routes/rejected-events.js';
import { REPLAY_ROUTES, type ReplayServices } from './routes/replays.js';
import { SUBSCRIPTION_ROUTES, type SubscriptionServices } from './routes/subscriptions.js';
import { USAGE_ROUTES, type UsageServices } from './routes/usage.js';
import { SECRET_ROUTES, type SecretServices } from './routes/secrets.js';
import { WEBHOOK_SOURCE_ROUTES, type WebhookSourceServices } from './routes/webhook-sources.js';
import { SOURCE_ROUTES, type SourceServices } from './routes/sources.js';
import { STATUS_ROUTES, type StatusServices } from './routes/status.js';
import { TENANT_SUBSCRIPTION_ROUTES } from './routes/tenant-subscriptions.js';
import { TENANT_ROUTES, type TenantServices } from './routes/tenants.js';
import type { Decider } from '../eligibility/decider.js';
import type { EventHistory } from '../event-history/event-history.js';
import type { Receipts } from '../receipts/receipts.js';
import type { AnalyticsServices } from './analytics/take.js';
import type { EventServices } from './take-events.js';

/** What routes that every API has need of the server. */
export interface RouteServices
  extends
    EventServices,
    AnalyticsServices,
    ReplayServices,
    DeadLetterServices,
    PullServices,
    HealthServices,
    DocumentationServices,
    ConsoleServices {
  readonly decider: Pick<Decider, 'canonical' | 'rulesInForce' | 'counts'>;
  readonly receipts: Receipts;
  readonly eventHistory: EventHistory;
}

/** The routes that every API has, in the order in which they are looked at: of two that match, the first answers. */
export const COMMON_ROUTES: readonly Route<RouteServices>[] = [
  ...EVENT_ROUTES,
  ...EVENT_HISTORY_ROUTES,
  ...ANALYTICS_ROUTES,
  ...REJECTED_EVENTS_ROUTES,
  ...ELIGIBILITY_ROUTES,
  ...BATCH_ROUTES,
  ...PULL_ROUTES,
  ...DEAD_LETTER_ROUTES,
  ...REPLAY_ROUTES,
  ...HEALTH_ROUTES,
  ...DOCUMENTATION_ROUTES,
  ...CONSOLE_ROUTES,
];

/** Every route there is: what is mounted, described and tested comes from here. */
export const ROUTES: readonly Route<
  RouteServices &
    WebhookSourceServices &
    SubscriptionServices &
    StatusServices &
    ActivityServices &
    UsageServices &
    TenantServices &
    SecretServices &
    SourceServices &
    AuditLogServices &
    MetricsServices
>[] = [
  ...COMMON_ROUTES,
  ...WEBHOOK_SOURCE_ROUTES,
  ...SUBSCRIPTION_ROUTES,
  ...STATUS_ROUTES,
  ...ACTIVITY_ROUTES,
  ...USAGE_ROUTES,
  ...TENANT_ROUTES,
  ...TENANT_SUBSCRIPTION_ROUTES,
  ...SECRET_ROUTES,
  ...SOURCE_ROUTES,
  ...AUDIT_LOG_ROUTES,
  ...METRICS_ROUTES,
];
