import type { Isolation } from '../queues.js';
import type { AggregateConfig, RuleConfig } from '../../rules/rule-config.js';
import type { EventSchemaConfig } from '../../event-schemas/schema-config.js';
import type { SubscriptionConfig } from './subscription-config.js';
import type { RouteConfig } from '../../routing/route-config.js';
import type { WarehouseConfig } from './warehouse-config.js';

/** A tenant's configuration, checked, with defaults filled in and durations and sizes as numbers. */
export interface TenantConfig {
  readonly tenant: string;
  /** Default `pooled`. */
  readonly isolation: Isolation;
  /** A suspended tenant's requests are refused with 403. Default false. */
  readonly suspended: boolean;
  readonly limits: {
    /** Events per second at the door, with a burst of two seconds' worth. Default 5,000. */
    readonly eventsPerSecond: number;
    /** Bytes (inflated) per second at the door, with a burst of two seconds' worth. Default 5 MB. */
    readonly bytesPerSecond: number;
    /** Requests of any kind per second, reads included, with a burst of two seconds' worth. Default 1,000. */
    readonly requestsPerSecond: number;
    /** Activities per second on the tenant's task queue, enforced by Temporal; 0 pauses them. Default 200. */
    readonly activitiesPerSecond: number;
  };
  readonly batch: {
    /** A batch is closed at this many events. Default 10,000. */
    readonly maxEvents: number;
    /** A batch is closed at this many bytes of NDJSON. Default 8 MB. */
    readonly maxBytes: number;
    /** How long an event may wait for company when nothing else is going on. Default 20 ms. */
    readonly lingerMs: number;
  };
  /** How long batch files are kept for replay. Default 7 days. */
  readonly retentionMs: number;
  readonly warehouse: WarehouseConfig;
  readonly aggregates: Readonly<Record<string, AggregateConfig>>;
  readonly rules: readonly RuleConfig[];
  readonly subscriptions: readonly SubscriptionConfig[];
  /** In the order they are looked at. */
  readonly routes: readonly RouteConfig[];
  readonly schemas: readonly EventSchemaConfig[];
}
