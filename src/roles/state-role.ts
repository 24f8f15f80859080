import type { Client } from '@temporalio/client';
import { withFailures } from '../activities/failure.js';
import { windowsOf } from '../activities/index.js';
import { createBatchedActivities } from '../activities/replay/await-batched.js';
import { createReplayActivities } from '../activities/replay/replay.js';
import { createAnnounceActivities } from '../activities/warehouse/announce.js';
import { CurrentDecisions } from '../eligibility/current-decisions.js';
import { configuredTenant } from '../tenants/config/registry.js';
import { readVersion } from '../tenants/config/versions.js';
import { startStateWorker, type StateWorker } from '../workers/state-worker.js';
import type { ApiRoleOptions } from './api-role-options.js';
import type { IngestParts } from './ingest-parts.js';

/** What {@link startStateRole} needs besides. */
export interface StateParts extends Pick<IngestParts, 'batched' | 'decider' | 'checkpoints'> {
  readonly client: Client;
  /** The spool's node. */
  readonly node: string;
}

/**
 * Runs what only the owner of a spool and its state can: replays that make decisions current, since no other process may
 * change the state; and it tells others when what it has acknowledged is in batches.
 */
export function startStateRole(options: ApiRoleOptions, parts: StateParts): StateWorker {
  const { config, temporal, registry, stores, control, reading, turns } = options;
  const { client, node } = parts;
  const tenant = (id: string) => configuredTenant(registry, id);
  const current = new CurrentDecisions({ ...parts, turns });
  const { announce } = createAnnounceActivities({
    client,
    windowsPerSecond: config.loadsPerSecond,
    windowsOf: (id) => windowsOf(id, { tenant, control }),
  });
  const { redecide } = createReplayActivities({
    store: stores.batchStore,
    current: tenant,
    announce,
    turns,
    budget: options.replayMemory,
    versionOf: (id, version) => readVersion(stores.paths.tenantVersions, id, version, reading),
    startDeliveries: () => Promise.reject(new Error('No deliveries are started here.')),
    makeCurrent: (...decisions) => current.make(...decisions),
  });
  const { awaitBatched } = createBatchedActivities({
    node,
    watch: (...watched) => parts.batched.watch(...watched),
  });
  return startStateWorker({
    ...options,
    ...temporal,
    node,
    activities: { redecide: withFailures(redecide), awaitBatched: withFailures(awaitBatched) },
  });
}
