import type { SubjectBudget } from '../activities/replay/subjects-in-memory.js';
import type { Config } from '../config.js';
import type { Metrics } from '../observability/metrics.js';
import type { Turns } from '../platform/event-loop-turns.js';
import type { Logger } from '../platform/logger.js';
import type { Holdings } from '../recovery/holdings.js';
import type { UsageRecorder } from '../stores/usage/recorder.js';
import type { SubscriptionControl } from '../subscriptions/control.js';
import type { Temporal } from '../temporal/temporal.js';
import type { ReadingApart } from '../tenants/config/reading-apart.js';
import type { Tracing } from '../tracing/tracing.js';
import type { TenantRegistry } from '../tenants/config/registry.js';
import type { Grace } from './grace.js';
import type { SharedStores } from './stores.js';

/** What each role of a process needs. */
export interface RoleOptions {
  readonly config: Config;
  readonly temporal: Temporal;
  readonly registry: TenantRegistry;
  /** Reads tenants' files, and their versions. */
  readonly reading: ReadingApart;
  /** Shares the event loop between tenants. */
  readonly turns: Turns;
  readonly stores: SharedStores;
  readonly control: SubscriptionControl;
  readonly holdings: Holdings;
  /** Counts what is done for tenants. */
  readonly usage: UsageRecorder;
  readonly grace: Grace;
  /** The memory that the process has for replays. */
  readonly replayMemory: SubjectBudget;
  /** Called when the process can no longer do its work. */
  readonly onFatal: (reason: string) => void;
  readonly metrics?: Metrics;
  /** Absent where nothing is traced. */
  readonly tracing?: Tracing;
  readonly log: Logger;
}
