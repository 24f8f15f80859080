import type { EventSchemaConfig } from '../../event-schemas/schema-config.js';
import type { Isolation } from '../queues.js';
import type { TenantConfig } from './tenant-config.js';
import type { AggregateConfig, AggregateOp, RuleConfig } from '../../rules/rule-config.js';
import { completeSubscription, type RawSubscription } from './raw-subscription.js';
import { completeWarehouse, type RawWarehouse } from './raw-warehouse.js';
import type { RouteConfig } from '../../routing/route-config.js';
import { parseDuration, parseSize } from '../../platform/units.js';

/** An aggregate as written. */
export interface RawAggregate {
  readonly on: readonly string[];
  readonly when?: string;
  readonly op: AggregateOp;
  readonly value?: string;
  readonly window: string;
}

/** A schema of events as written. */
type RawEventSchema = Omit<EventSchemaConfig, 'mode'> & Partial<Pick<EventSchemaConfig, 'mode'>>;

/** A tenant's configuration as written, once it fits the schema. */
export interface RawConfig {
  readonly tenant: string;
  readonly isolation?: Isolation;
  readonly suspended?: boolean;
  readonly limits?: {
    readonly eventsPerSecond?: number;
    readonly bytesPerSecond?: number | string;
    readonly requestsPerSecond?: number;
    readonly activitiesPerSecond?: number;
  };
  readonly batch?: {
    readonly maxEvents?: number;
    readonly maxBytes?: number | string;
    readonly linger?: string;
  };
  readonly retention?: string;
  readonly warehouse?: RawWarehouse;
  readonly aggregates?: Readonly<Record<string, RawAggregate>>;
  readonly rules?: readonly RuleConfig[];
  readonly subscriptions?: readonly RawSubscription[];
  readonly routes?: readonly RouteConfig[];
  readonly schemas?: readonly RawEventSchema[];
}

/** Fills in the defaults and turns durations and sizes into numbers. */
export function completeConfig(raw: RawConfig): TenantConfig {
  const { limits = {}, batch = {}, aggregates = {} } = raw;
  return {
    tenant: raw.tenant,
    isolation: raw.isolation ?? 'pooled',
    suspended: raw.suspended ?? false,
    limits: {
      eventsPerSecond: limits.eventsPerSecond ?? 5_000,
      bytesPerSecond: parseSize(limits.bytesPerSecond ?? '5MB')!,
      requestsPerSecond: limits.requestsPerSecond ?? 1_000,
      activitiesPerSecond: limits.activitiesPerSecond ?? 200,
    },
    batch: {
      maxEvents: batch.maxEvents ?? 10_000,
      maxBytes: parseSize(batch.maxBytes ?? '8MB')!,
      lingerMs: parseDuration(batch.linger ?? '20ms')!,
    },
    retentionMs: parseDuration(raw.retention ?? '7 days')!,
    warehouse: completeWarehouse(raw.tenant, raw.warehouse),
    aggregates: Object.fromEntries(
      Object.entries(aggregates).map(([name, aggregate]) => [name, completeAggregate(aggregate)]),
    ),
    rules: raw.rules ?? [],
    subscriptions: (raw.subscriptions ?? []).map(completeSubscription),
    routes: raw.routes ?? [],
    schemas: (raw.schemas ?? []).map((schema) => ({ mode: 'enforce', ...schema })),
  };
}

/** An aggregate with its window in milliseconds. */
export function completeAggregate({ window, ...aggregate }: RawAggregate): AggregateConfig {
  return { ...aggregate, windowMs: parseDuration(window)! };
}
