import type { Client } from '@temporalio/client';
import { HeadgateError } from '../errors.js';
import type { BatchStore } from '../stores/batch-store/batch-store.js';
import type { Warehouse } from '../stores/warehouse/warehouse.js';
import type { LoadedTenant } from '../tenant-config/registry.js';
import { withFailures } from './failure.js';
import { createAnnounceActivities, type AnnounceActivities } from './warehouse/announce.js';
import { createLoadActivities, type LoadActivities } from './warehouse/load-batches.js';

/** Every activity by name; workflow code imports this as a type alone. */
export type Activities = AnnounceActivities & LoadActivities;

/** What the activities work on. */
export interface ActivityDependencies {
  readonly client: Client;
  readonly batchStore: BatchStore;
  readonly warehouse: Warehouse;
  /** Load windows per second, of all tenants, beyond which windows get longer. */
  readonly windowsPerSecond: number;
  /** The tenant's configuration as it is now. */
  readonly tenant: (tenant: string) => LoadedTenant | undefined;
}

/** Builds all activities; their errors cross to Temporal as ApplicationFailure with the error's code as type. */
export function createActivities(dependencies: ActivityDependencies): Activities {
  const { client, batchStore, warehouse } = dependencies;
  const loaded = (id: string): LoadedTenant => {
    const tenant = dependencies.tenant(id);
    if (tenant !== undefined) return tenant;
    // Retryable: the batch is kept and goes on when the configuration is back.
    throw new HeadgateError('TENANT_UNKNOWN', `Tenant ${id} is not configured here.`, { retryable: true });
  };
  const announcing = createAnnounceActivities({
    client,
    windowsPerSecond: dependencies.windowsPerSecond,
    windowsOf: (id) => {
      const { isolation, warehouse: options } = loaded(id).config;
      return { isolation, windowMs: options.windowMs };
    },
  });
  const loading = createLoadActivities({ warehouse, batchStore });
  return {
    announce: withFailures(announcing.announce),
    loadBatches: withFailures(loading.loadBatches),
  };
}
