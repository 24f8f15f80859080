import type { Turns } from '../platform/event-loop-turns.js';
import type { Client } from '@temporalio/client';
import type { BatchRef } from '../events/event.js';
import type { BatchStore } from '../stores/batch-store/batch-store.js';
import type { Quarantine } from '../stores/quarantine/quarantine.js';
import type { Warehouse } from '../stores/warehouse/warehouse.js';
import { WAREHOUSE } from '../tenants/subscription.js';
import type { SubscriptionControl } from '../subscriptions/control.js';
import { promotedOf } from '../tenants/config/promotion.js';
import type { Logger } from '../platform/logger.js';
import type { LoadedTenant } from '../tenants/config/registry.js';
import type { TenantConfig } from '../tenants/config/tenant-config.js';
import { isByJobs } from '../tenants/config/warehouse-config.js';
import type { Isolation } from '../tenants/queues.js';
import type { DeadLetterEventsInput } from '../workflows/messages/deliveries.js';
import type { Tracing } from '../tracing/tracing.js';
import { createResolveActivities, type ResolveActivities } from './dead-letters/resolve.js';
import { expiryOf } from '../dead-letters/expiry.js';
import { createDeadLetterEvents, type DeadLetterEvents } from '../dead-letters/dead-letter-events.js';
import { createDeadLetterIngest } from '../dead-letters/dead-letter-ingest.js';
import type { PassActivities, PullPass } from './deliveries/pass.js';
import { createRestartBatch, type RestartBatch } from '../dead-letters/restart-batch.js';
import { createReviewWaiting, type ReviewWaiting } from '../dead-letters/review-waiting.js';
import { createStartDeliveries, type StartDeliveries } from './deliveries/start.js';
import { withFailures } from './failure.js';
import { createReplayActivities, type ReplayActivities } from './replay/replay.js';
import type { SubjectBudget } from './replay/subjects-in-memory.js';
import {
  createAnnounceActivities,
  type AnnounceActivities,
  type TenantWindows,
} from './warehouse/announce.js';
import { createAnnounceKept, type AnnounceKept } from './warehouse/announce-kept.js';
import { createHoldLoads } from './warehouse/load-control/hold-loads.js';
import type { LoadBudget } from './warehouse/load-control/load-budget.js';
import {
  createLoadActivities,
  type LoadActivities,
  type LoadActivitiesDeps,
} from './warehouse/load-batches.js';
import { createPauseLoads } from './warehouse/load-control/pause-loads.js';
import { unloadableRows, unreadableBatch } from '../dead-letters/dead-letter-rows.js';
import { createReloadRows, type ReloadRows } from '../dead-letters/reload-rows.js';

/** What comes between a batch and the passes of its deliveries. */
interface DeliveryActivities {
  readonly startDeliveries: StartDeliveries;
  /** Registered under this name: recorded histories have it. */
  readonly park: DeadLetterEvents;
  readonly reviewWaiting: ReviewWaiting;
  readonly restartBatch: RestartBatch;
  readonly reloadRows: ReloadRows;
}

/** The activities that Workers run, by name. */
export type WorkerActivities = AnnounceActivities &
  LoadActivities &
  DeliveryActivities &
  PassActivities &
  ReplayActivities &
  ResolveActivities & { readonly announceKept: AnnounceKept };

/** Every activity by name; workflow code imports this as a type alone. */
export type Activities = WorkerActivities & PullPass;

/** What the activities work on. */
export interface ActivityDependencies {
  readonly client: Client;
  readonly batchStore: BatchStore;
  readonly quarantine: Quarantine;
  readonly warehouse: Warehouse;
  /** Load windows per second, of all tenants, beyond which windows get longer. */
  readonly windowsPerSecond: number;
  /** Counts load jobs against the quotas of BigQuery; needed where tenants have their warehouse there. */
  readonly budget?: Pick<LoadBudget, 'hold' | 'atLeastMs'>;
  /** Called with the length of the load window that a tenant's batch was announced to. */
  readonly onWindow?: (tenant: string, windowMs: number) => void;
  /** Knows whether a tenant's warehouse is paused, and pauses it when it refuses loads. */
  readonly control: Pick<SubscriptionControl, 'status' | 'isPaused' | 'pauseBySystem'>;
  /** Follows loads of batches that are followed. Default: none. */
  readonly tracing?: Pick<Tracing, 'join'>;
  readonly log: Pick<Logger, 'warn'>;
  /** What tries to deliver. */
  readonly passes: PassActivities;
  /** Called with what has become a dead letter. */
  readonly onDeadLettered?: (input: DeadLetterEventsInput) => void;
  /** The tenant's configuration as it is now; throws HeadgateError `TENANT_UNKNOWN`. */
  readonly tenant: (tenant: string) => LoadedTenant;
  /** A version of the tenant's configuration, current or not. */
  readonly versionOf: (tenant: string, version: string) => Promise<LoadedTenant>;
  /** Shares the event loop between tenants. Default: turns of its own. */
  readonly turns?: Turns;
  /** The memory that the process has for replays. */
  readonly replayMemory?: SubjectBudget;
}

/** While a warehouse is paused its windows are this long at least: each is a workflow that waits. */
const PAUSED_WINDOW_MS = 60_000;
/** In BigQuery each is a job or several after the resume, of which a day has a limited number. */
const PAUSED_JOB_WINDOW_MS = 15 * 60_000;

/** Builds all activities; their errors cross to Temporal as ApplicationFailure with the error's code as type. */
export function createActivities(dependencies: ActivityDependencies): WorkerActivities {
  const { client, batchStore, warehouse } = dependencies;
  const loaded = dependencies.tenant;
  const announcing = createAnnounceActivities({
    client,
    windowsPerSecond: dependencies.windowsPerSecond,
    windowsOf: (id) => windowsOf(id, dependencies),
    onWindow: dependencies.onWindow,
  });
  const configOf = (id: string): TenantConfig => loaded(id).config;
  const isolationOf = (id: string): Isolation => configOf(id).isolation;
  const deadLetterEvents = createDeadLetterEvents({
    client,
    batchStore,
    isolationOf,
    onDeadLettered: told(dependencies),
  });
  const expiresAtOf = ({ tenant, batchId }: BatchRef): number =>
    expiryOf(batchId, configOf(tenant).retentionMs);
  const loading = createLoadActivities({
    warehouse,
    batchStore,
    tracing: dependencies.tracing,
    ...gatesOf(dependencies),
    promotedOf: (id, stream) => promotedOf(configOf(id).warehouse.promote, stream),
    deadLetterRows: (batch, rows) => deadLetterEvents(unloadableRows(batch, rows, expiresAtOf(batch))),
    deadLetterBatch: (batch, reason) => {
      const { tenant, stream, batchId: id, events } = batch;
      dependencies.log.warn('BATCH_UNLOADABLE', { tenant, stream, batch: id, events, reason });
      return deadLetterEvents(unreadableBatch(batch, reason, expiresAtOf(batch)));
    },
  });
  const startDeliveries = createStartDeliveries({ client, configOf, deadLetterEvents });
  const deadLetterIngest = createDeadLetterIngest(deadLetterEvents, (id) => configOf(id).retentionMs);
  const { quarantine } = dependencies;
  const restartBatch = createRestartBatch({ client, isolationOf, quarantine, batchStore, deadLetterIngest });
  const reloadRows = createReloadRows({
    batchStore,
    deadLetterEvents,
    expiresAtOf,
    announce: announcing.announce,
  });
  const replaying = createReplayActivities({
    store: batchStore,
    current: loaded,
    startDeliveries,
    versionOf: dependencies.versionOf,
    turns: dependencies.turns,
    budget: dependencies.replayMemory,
    announce: announcing.announce,
  });
  const resolving = createResolveActivities({ client });
  return {
    startDeliveries: withFailures(startDeliveries),
    park: withFailures(deadLetterEvents),
    reviewWaiting: withFailures(createReviewWaiting(configOf)),
    restartBatch: withFailures(restartBatch),
    reloadRows: withFailures(reloadRows),
    pushPass: withFailures(dependencies.passes.pushPass),
    workflowPass: withFailures(dependencies.passes.workflowPass),
    replayPage: withFailures(replaying.replayPage),
    redecide: withFailures(replaying.redecide),
    countDeadLetters: withFailures(resolving.countDeadLetters),
    findDeadLetters: withFailures(resolving.findDeadLetters),
    signalDeadLetters: withFailures(resolving.signalDeadLetters),
    announce: withFailures(announcing.announce),
    announceKept: withFailures(createAnnounceKept({ batchStore, announce: announcing.announce })),
    loadBatches: withFailures(loading.loadBatches),
  };
}

/** What has expired was never delivered, and nobody may have been looking: it is said in the log as well. */
function told({ onDeadLettered, log }: ActivityDependencies): (input: DeadLetterEventsInput) => void {
  return (input) => {
    onDeadLettered?.(input);
    const { tenant, subscription, batch } = input.delivery;
    const { reason, count, detail } = input.dead;
    if (reason !== 'expired') return;
    log.warn('EVENTS_EXPIRED', { tenant, subscription, batch: batch.batchId, events: count, reason: detail });
  };
}

/** What a load waits for, and what becomes of one that is refused. */
function gatesOf({
  tenant,
  control,
  budget,
  log,
}: ActivityDependencies): Pick<LoadActivitiesDeps, 'holdLoads' | 'pauseLoads'> {
  const holdPaused = createHoldLoads({ statusOf: (id) => control.status(id, WAREHOUSE) });
  return {
    holdLoads: async (id, streams) => {
      await holdPaused(id);
      const { warehouse } = tenant(id).config;
      if (isByJobs(warehouse)) await budget?.hold({ tenant: id, project: warehouse.project }, streams);
    },
    pauseLoads: createPauseLoads({
      pause: (id, reason) => control.pauseBySystem(id, WAREHOUSE, reason),
      log,
    }),
  };
}

/** How a tenant's load windows are to be now: as configured, and longer while they only wait. */
export function windowsOf(
  id: string,
  {
    tenant,
    control,
    budget,
  }: Pick<ActivityDependencies, 'tenant' | 'control'> & {
    readonly budget?: Pick<LoadBudget, 'atLeastMs'>;
  },
): TenantWindows {
  const { isolation, warehouse } = tenant(id).config;
  const paused = control.isPaused(id, WAREHOUSE);
  const pausedMs = isByJobs(warehouse) ? PAUSED_JOB_WINDOW_MS : PAUSED_WINDOW_MS;
  const atLeastMs = Math.max(paused ? pausedMs : 0, budget?.atLeastMs(id) ?? 0);
  const windowMs = Math.max(warehouse.windowMs, atLeastMs);
  return { isolation, windowMs, ...(isByJobs(warehouse) && { project: warehouse.project }) };
}
