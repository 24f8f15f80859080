import { fileURLToPath } from 'node:url';
import { Client } from '@temporalio/client';
import { createActivities } from '../activities/index.js';
import type { Config } from '../config.js';
import type { Temporal } from '../engine/temporal.js';
import type { Logger } from '../observability/logger.js';
import { createParquetWarehouse } from '../stores/warehouse/parquet.js';
import type { LoadInput, LoadResult, Warehouse } from '../stores/warehouse/warehouse.js';
import type { TenantRegistry } from '../tenant-config/registry.js';
import { startWorkerHost, type WorkerHost } from '../workers/worker-host.js';
import type { SharedStores } from './stores.js';

/** Told of every load that put rows into a tenant's warehouse. */
export type LoadedListener = (load: LoadInput, result: LoadResult) => void;

/** What {@link startWorkerRole} needs. */
export interface WorkerRoleOptions {
  readonly config: Config;
  readonly temporal: Temporal;
  readonly registry: TenantRegistry;
  readonly stores: SharedStores;
  readonly onFatal: (reason: string) => void;
  readonly onLoaded?: LoadedListener;
  readonly log: Logger;
}

/** Made by the build from `src/workflows`; see `scripts/build.mjs`. */
const WORKFLOW_BUNDLE = fileURLToPath(new URL('../../dist/workflow-bundle.js', import.meta.url));

/** The worker role: runs the workflows and activities of all tenants. */
export async function startWorkerRole(options: WorkerRoleOptions): Promise<WorkerHost> {
  const { config, temporal, registry, stores, onFatal, log } = options;
  const warehouse = watched(createParquetWarehouse({ root: stores.paths.warehouse }), options.onLoaded);
  const client = new Client({ connection: temporal.connection, namespace: temporal.namespace });
  const activities = createActivities({
    client,
    batchStore: stores.batchStore,
    warehouse,
    windowsPerSecond: config.loadsPerSecond,
    tenant: (tenant) => registry.get(tenant),
  });
  const host = await startWorkerHost({
    connection: temporal.connection,
    namespace: temporal.namespace,
    registry,
    activities,
    workflowBundle: WORKFLOW_BUNDLE,
    graceSeconds: config.shutdownGraceSeconds,
    onFatal,
    log,
  });
  return {
    ...host,
    stop: async () => {
      await host.stop();
      await warehouse.close();
    },
  };
}

function watched(warehouse: Warehouse, onLoaded: LoadedListener | undefined): Warehouse {
  if (onLoaded === undefined) return warehouse;
  return {
    close: () => warehouse.close(),
    load: async (input) => {
      const result = await warehouse.load(input);
      onLoaded(input, result);
      return result;
    },
  };
}
