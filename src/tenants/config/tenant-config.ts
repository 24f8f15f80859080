import { EVENT_SCHEMAS } from '../../event-schemas/schema-config.js';
import { ROUTES } from '../../routing/route-config.js';
import { AGGREGATES, RULES } from '../../rules/rule-config.js';
import { complete } from '../complete.js';
import {
  choice,
  duration,
  flag,
  integer,
  number,
  section,
  size,
  text,
  type UsedOf,
  type WrittenOf,
} from '../file-schema.js';
import { TENANT_ID } from '../ids.js';
import { ISOLATIONS } from '../queues.js';
import { completeSource, SOURCES, type SourceConfig } from './source-config.js';
import { completeSubscription, SUBSCRIPTIONS, type SubscriptionConfig } from './subscription-config.js';
import { completeWarehouse, WAREHOUSE, type WarehouseConfig } from './warehouse-config.js';

const LIMITS = section(
  {
    eventsPerSecond: integer(1, 1_000_000, {
      what: "Events per second that the API takes, with a burst of two seconds' worth.",
      default: 5_000,
      example: 500,
    }),
    bytesPerSecond: size('1KB', '10GB', {
      what: "Bytes per second that the API takes, inflated, with a burst of two seconds' worth.",
      default: '5MB',
      example: '2MB',
    }),
    requestsPerSecond: integer(1, 1_000_000, {
      what: "Requests per second of every kind, reads included, with a burst of two seconds' worth.",
      default: 1_000,
      example: 300,
    }),
    activitiesPerSecond: number({ minimum: 0 }, 100_000, {
      what: "Loads per second on the tenant's task queue `tenant.<id>`, kept by Temporal. 0 pauses them.",
      default: 200,
      example: 50,
    }),
  },
  [],
  { what: 'What the tenant may take.', default: {} },
);

/** What a tenant may take whose file says nothing of it. */
export const DEFAULT_LIMITS = complete(LIMITS, {});

const BATCH = section(
  {
    maxEvents: integer(1, 100_000, { what: 'Events in a batch.', default: 10_000, example: 2_000 }),
    maxBytes: size('1KB', '64MB', {
      what: 'Bytes of NDJSON in a batch.',
      default: '8MB',
      example: '512KB',
    }),
    linger: duration('1ms', '10s', {
      what: 'How long an event waits for others when nothing else is going on.',
      default: '20ms',
      example: '50ms',
    }),
  },
  [],
  { what: 'What closes a batch: the first of these that is reached.', default: {} },
);

const BUDGET = section(
  {
    eventsPerDay: integer(1, 1_000_000_000_000, {
      what: 'Events that it may send on a day, UTC.',
      example: 5_000_000,
    }),
    costPerMonth: integer(1, 1_000_000_000, {
      what: 'What it may cost in a month, UTC, by the prices of `HEADGATE_PRICES` and in their currency.',
      example: 100,
    }),
    cap: flag({
      what: 'Refuses events with 429 `BUDGET_REACHED` until the next day or month.',
      default: false,
      example: true,
    }),
  },
  [],
  {
    what: 'What it may use. When that is reached, there is an event `headgate.budget.reached`.',
    default: {},
  },
);

/** What a tenant's YAML file may hold. */
export const TENANT_FILE = section(
  {
    tenant: text(
      {
        pattern: TENANT_ID.source,
        problem:
          'must be an id: a tenant id has 1 to 63 letters, digits, "_" or "-", and starts with a letter or digit',
      },
      {
        what: 'The id of the tenant, as its tokens have it: 1 to 63 letters, digits, `_` or `-`. The file is kept under this name.',
        example: 'acme',
      },
    ),
    isolation: choice(ISOLATIONS, {
      what: '`dedicated` gives the tenant a workflow Worker (about 33 MB) and a task queue of its own.',
      default: 'pooled',
      example: 'dedicated',
    }),
    suspended: flag({
      what: "Refuses the tenant's requests with 403, and ends open ones.",
      default: false,
      example: true,
    }),
    limits: LIMITS,
    budget: BUDGET,
    batch: BATCH,
    retention: duration('1h', '31 days', {
      what: 'How long batches, decisions and delivery logs are kept, and so how far back a replay reaches.',
      default: '7 days',
      example: '2 days',
    }),
    warehouse: WAREHOUSE,
    aggregates: AGGREGATES,
    rules: RULES,
    subscriptions: SUBSCRIPTIONS,
    routes: ROUTES,
    sources: SOURCES,
    schemas: EVENT_SCHEMAS,
  },
  ['tenant'],
);

/** A tenant's configuration as written, once it fits the schema. */
export type RawConfig = WrittenOf<typeof TENANT_FILE>;

/** A tenant's configuration, checked, with defaults filled in and durations and sizes as numbers. */
export interface TenantConfig extends Omit<
  UsedOf<typeof TENANT_FILE>,
  'warehouse' | 'subscriptions' | 'sources'
> {
  readonly warehouse: WarehouseConfig;
  readonly subscriptions: readonly SubscriptionConfig[];
  readonly sources: readonly SourceConfig[];
}

/** Fills in the defaults and turns durations and sizes into numbers. */
export function completeConfig(raw: RawConfig): TenantConfig {
  const { warehouse, subscriptions, sources, ...others } = complete(TENANT_FILE, raw);
  return {
    ...others,
    warehouse: completeWarehouse(raw.tenant, warehouse),
    subscriptions: subscriptions.map(completeSubscription),
    sources: sources.map(completeSource),
  };
}
