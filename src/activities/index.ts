import type { Client } from '@temporalio/client';
import { HeadgateError } from '../errors.js';
import type { BatchStore } from '../stores/batch-store/batch-store.js';
import type { StateStore } from '../stores/state/state-store.js';
import type { Warehouse } from '../stores/warehouse/warehouse.js';
import type { LoadedTenant } from '../tenant-config/registry.js';
import { createEligibilityActivities, type EligibilityActivities } from './eligibility/apply-batch.js';
import { withFailures } from './failure.js';
import { createAnnounceActivities, type AnnounceActivities } from './warehouse/announce.js';
import { createLoadActivities, type LoadActivities } from './warehouse/load-batches.js';

/** Every activity by name; workflow code imports this as a type alone. */
export type Activities = EligibilityActivities & AnnounceActivities & LoadActivities;

/** What the activities work on. */
export interface ActivityDependencies {
  readonly client: Client;
  readonly batchStore: BatchStore;
  readonly state: StateStore;
  readonly warehouse: Warehouse;
  /** The tenant's configuration as it is now. */
  readonly tenant: (tenant: string) => LoadedTenant | undefined;
}

/** Builds all activities; their errors cross to Temporal as ApplicationFailure with the error's code as type. */
export function createActivities(dependencies: ActivityDependencies): Activities {
  const { client, batchStore, state, warehouse } = dependencies;
  const loaded = (id: string): LoadedTenant => {
    const tenant = dependencies.tenant(id);
    if (tenant !== undefined) return tenant;
    // Retryable: the batch is kept and goes on when the configuration is back.
    throw new HeadgateError('TENANT_UNKNOWN', `Tenant ${id} is not configured here.`, { retryable: true });
  };
  const eligibility = createEligibilityActivities({ batchStore, state, rulesOf: (id) => loaded(id).rules });
  const announcing = createAnnounceActivities({
    client,
    windowsOf: (id) => {
      const { isolation, warehouse: options } = loaded(id).config;
      return { isolation, windowMs: options.windowMs };
    },
  });
  const loading = createLoadActivities({ warehouse, batchStore });
  return {
    applyBatch: withFailures(eligibility.applyBatch),
    announce: withFailures(announcing.announce),
    loadBatches: withFailures(loading.loadBatches),
  };
}
