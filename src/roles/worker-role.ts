import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { createActivities } from '../activities/index.js';
import type { LoadBudget } from '../activities/warehouse/load-control/load-budget.js';
import { WindowsInUse } from '../activities/warehouse/load-control/windows-in-use.js';
import { Compactions } from '../compaction/compactions.js';
import type { SecretReader } from '../config.js';
import { messageOf } from '../errors.js';
import type { Logger } from '../platform/logger.js';
import { Retention } from '../retention/retention.js';
import type { LoadClaims } from '../stores/load-claims/load-claims.js';
import type { LoadBatch, LoadInput, LoadResult } from '../stores/warehouse/warehouse.js';
import { configuredTenant } from '../tenants/config/registry.js';
import { RemovedSubscriptions } from '../subscriptions/removed-subscriptions.js';
import type { LoadedTenant } from '../tenants/config/tenant-file.js';
import { readVersion } from '../tenants/config/versions.js';
import { budgetLoads, observeLoads, paceLoads, type LoadObserver } from '../workers/observed-warehouse.js';
import { Pace } from '../workers/pace.js';
import { ownClient } from '../temporal/own-client.js';
import { createQueueRates, type QueueRates } from '../temporal/queue-rates.js';
import { tellTouched, type TouchedRun } from '../temporal/touched-runs.js';
import { startWorkerHost, type WorkerHost } from '../workers/worker-host.js';
import { countDeadLettered } from './count-dead-lettered.js';
import { openLoadBudget } from './load-budget.js';
import { buildPasses } from './passes.js';
import type { RoleOptions } from './role-options.js';
import { openLoadClaims } from './stores.js';
import { openWarehouses, watchWarehouses } from './warehouses.js';

/** Called with every load that put rows into a tenant's warehouse. */
export type LoadedListener = (load: LoadInput, result: LoadResult) => void;

/** What {@link startWorkerRole} needs. */
export interface WorkerRoleOptions extends RoleOptions {
  readonly secretOf: SecretReader;
  readonly onLoaded?: LoadedListener;
}

/** Made by the build from `src/workflows`; see `scripts/build.mjs`. */
const WORKFLOW_BUNDLE = fileURLToPath(new URL('../../dist/workflow-bundle.js', import.meta.url));

/** The worker role: runs the workflows and activities of all tenants. */
export async function startWorkerRole(options: WorkerRoleOptions): Promise<WorkerHost> {
  const { config, temporal, registry, stores, onFatal, log } = options;
  const queues = createQueueRates(temporal.connection, temporal.namespace);
  const pace = paceOf(queues, options);
  options.metrics?.watch({ paces: () => pace.rates() });
  const claims = await openLoadClaims(config);
  const budget = openLoadBudget({ registry, claims, log });
  const windows = new WindowsInUse();
  options.metrics?.watch({ loadJobs: () => budget.usage(), windows: () => windows.lengths() });
  const warehouse = observeLoads(
    openWarehouses({ config, registry, claims, onSubmit: (job) => budget.submitted(job) }),
    loadObserver(pace, budget, options),
  );
  watchWarehouses({ config, registry, log });
  const { connection, namespace } = temporal;
  const client = ownClient({ connection, namespace, interceptors: options.tracing?.client });
  const passes = buildPasses({
    ...options,
    client,
    notes: queues,
    namespace: temporal.namespace,
    configOf: (tenant) => configuredTenant(registry, tenant).config,
  });
  const activities = createActivities({
    client,
    warehouse,
    budget,
    passes,
    control: options.control,
    tracing: options.tracing,
    log,
    batchStore: stores.batchStore,
    quarantine: stores.quarantine,
    windowsPerSecond: config.loadsPerSecond,
    onWindow: (tenant, windowMs) => windows.announced(tenant, windowMs),
    onDeadLettered: countDeadLettered(options.metrics),
    tenant: (tenant) => configuredTenant(registry, tenant),
    turns: options.turns,
    replayMemory: options.replayMemory,
    versionOf: versionsOf(options),
  });
  const host = await startWorkerHost({
    connection: temporal.connection,
    namespace: temporal.namespace,
    registry,
    alignRate: (tenant) => pace.align(tenant),
    alignSubscription: (tenant, name) => options.control.align(tenant, name),
    activities,
    holdings: options.holdings,
    usage: options.usage,
    tracing: options.tracing,
    onTouched: tellerOf(client, log),
    workflowBundle: WORKFLOW_BUNDLE,
    graceSeconds: options.grace.activitySeconds,
    onFatal,
    log,
  });
  const sweeping = sweepingOf(options, client, claims);
  budget.start();
  const stop = async (): Promise<void> => {
    passes.end();
    await sweeping.stop();
    await host.stop();
    for (const each of [passes, pace, budget, warehouse]) await each.close();
  };
  return { ...host, stop };
}

/** What cannot be told is said here: the workflow's task does not fail for it. */
function tellerOf(client: Client, log: Logger): (run: TouchedRun) => Promise<void> {
  return (run) =>
    tellTouched(client, run).catch((error: unknown) =>
      log.warn('TEMPORAL_ACT_NOT_TOLD', { workflowId: run.workflowId, reason: messageOf(error) }),
    );
}

function versionsOf({ stores, reading }: WorkerRoleOptions) {
  return (tenant: string, version: string): Promise<LoadedTenant> =>
    readVersion(stores.paths.tenantVersions, tenant, version, reading);
}

/** The rates of the tenants' queues, as their files and their warehouses have them. */
function paceOf(rates: QueueRates, { registry, log }: WorkerRoleOptions): Pace {
  const ceilingOf = (tenant: string): number | undefined =>
    registry.get(tenant)?.config.limits.activitiesPerSecond;
  const pace = new Pace({ rates, ceilingOf, log });
  registry.onChange(({ tenant, kind }) => {
    if (kind === 'removed') pace.forget(tenant);
  });
  return pace;
}

/** What keeps the stores from growing: compactions, and retention; and deliveries from waiting without success. */
function sweepingOf(
  options: WorkerRoleOptions,
  client: Client,
  claims: LoadClaims,
): { stop(): Promise<void> } {
  const retention = retentionOf(options, client, claims);
  retention.start();
  const compactions = new Compactions({ ...options, root: options.stores.paths.warehouse });
  if (options.config.compaction === 'on') compactions.start();
  const removed = new RemovedSubscriptions({ ...options, client });
  removed.start();
  return {
    stop: async () => {
      removed.stop();
      await compactions.stop();
      await retention.stop();
    },
  };
}

function retentionOf(
  { registry, stores, log }: WorkerRoleOptions,
  client: Client,
  loadClaims: LoadClaims,
): Retention {
  const { batchStore, paths } = stores;
  const { deliveries, quarantine, warehouse } = paths;
  return new Retention({
    client,
    batchStore,
    loadClaims,
    deliveryLogs: deliveries,
    quarantine,
    warehouse,
    registry,
    log,
  });
}

/** The pace, the metrics and what else follows loads. */
function loadObserver(
  pace: Pace,
  budget: LoadBudget,
  { metrics, onLoaded }: WorkerRoleOptions,
): LoadObserver {
  const [paced, budgeted] = [paceLoads(pace), budgetLoads(budget)];
  return {
    loaded: (load, result, seconds) => {
      paced.loaded(load, result, seconds);
      budgeted.loaded(load, result, seconds);
      const { rows, leftOut, clashes = {} } = result;
      const clashed = Object.values(clashes).reduce((sum, count) => sum + count, 0);
      metrics?.loaded(load.tenant, {
        seconds,
        rows,
        leftOut,
        clashes: clashed,
        batches: load.stream === 'decisions' ? [] : loadedBatches(load, result),
      });
      onLoaded?.(load, result);
    },
    failed: (load, error, seconds) => {
      paced.failed(load, error, seconds);
      budgeted.failed(load, error, seconds);
      metrics?.loaded(load.tenant, { seconds });
      metrics?.stepRetried('load', load.tenant);
    },
  };
}

function loadedBatches({ batches }: LoadInput, { loaded }: LoadResult): LoadBatch[] {
  const ids = new Set(loaded);
  return batches.filter(({ batchId }) => ids.has(batchId));
}
