import type { Isolation } from '../tenant.js';
import type { EventSchemaConfig } from '../../event-schemas/schema-config.js';
import type { RouteConfig, SubscriptionConfig } from './subscription-config.js';
import type { WarehouseConfig } from './warehouse-config.js';

/** How an aggregate folds the values of a subject's events within its window. */
export type AggregateOp = 'count' | 'sum' | 'min' | 'max' | 'last';

/** One aggregate: a value per subject over a trailing window of event time, the current event included. */
export interface AggregateConfig {
  /** Event types that feed it. */
  readonly on: readonly string[];
  /** CEL over `event` and `profile`; only events for which it is true are counted (one for which it fails is not). Default: all. */
  readonly when?: string;
  readonly op: AggregateOp;
  /**
   * CEL over `event` and `profile` that gives the number to fold, or for `last` any value of up to 1,024 characters of
   * JSON. Required unless `op` is `count`. An event for which it fails or gives something else is not folded.
   */
  readonly value?: string;
  /** The window in milliseconds: an event at time `t` sees events with time in `[t - windowMs, t]`, both ends included. */
  readonly windowMs: number;
}

/** One eligibility rule. */
export interface RuleConfig {
  readonly name: string;
  /** Event types the rule is evaluated on. */
  readonly on: readonly string[];
  /** CEL over `event`, `profile` and `aggregates`; must give a boolean. */
  readonly when: string;
}

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
