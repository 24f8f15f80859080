import type { Client } from '@temporalio/client';
import type { Config } from '../config.js';
import { queueBacklog, type QueueBacklog } from '../temporal/queue-backlog.js';
import { HeadgateError } from '../errors.js';
import {
  Admission,
  type AdmissionLimits,
  type EngineStatus,
  type ReachedBudget,
} from '../ingest/admission/admission.js';
import { EngineWatch } from '../ingest/admission/engine-watch.js';
import { TenantQueueWatch } from '../ingest/admission/tenant-queue-watch.js';
import type { Batcher } from '../ingest/batcher.js';
import { DiskWatch } from '../ingest/disk-watch.js';
import type { Spool } from '../ingest/spool.js';
import type { Logger } from '../platform/logger.js';
import type { TenantRegistry } from '../tenants/config/registry.js';
import { tenantQueue } from '../tenants/queues.js';
import type { DataPaths } from './stores.js';

/** What {@link openAdmission} looks at. */
export interface OpenAdmissionOptions {
  readonly config: Config;
  readonly paths: DataPaths;
  readonly registry: TenantRegistry;
  readonly client: Client;
  readonly spool: Pick<Spool, 'bytes'>;
  readonly batcher: Pick<Batcher, 'backlog'>;
  /** Until when a tenant is refused for its budget. */
  readonly budgetOf: (tenant: string) => ReachedBudget | undefined;
  readonly log: Logger;
}

/** Admission and what watches Temporal for it. */
export interface OpenAdmission {
  readonly admission: Admission;
  /** Free bytes of the disks that events are on their way to. */
  readonly disks: () => readonly (readonly [disk: string, freeBytes: number])[];
  /** Since when Temporal has been there, or away, as of the last look. */
  readonly engine: () => EngineStatus;
  /** Stops the watching. */
  close(): void;
}

/**
 * Of the connections, those that may have a tenant's request open. The rest is for those who come next, who are told to
 * come again.
 */
const OPEN_SHARE = 0.8;
/** What may be on a disk of its own. */
const DISKS = ['spool', 'batches', 'state', 'warehouse'] as const;
/** Of a tenant that is not configured. */
const NOTHING: AdmissionLimits = { eventsPerSecond: 0, bytesPerSecond: 0, requestsPerSecond: 0 };
/** What does not answer in this time is asked again at the next turn. */
const DESCRIBE_MS = 2_000;

/** Admission over the parts of a process. */
export function openAdmission(options: OpenAdmissionOptions): OpenAdmission {
  const { config, registry, client, spool, batcher } = options;
  const engine = new EngineWatch({ check: () => temporalAnswers(client) });
  const describe = (tenant: string): Promise<QueueBacklog> =>
    client.withDeadline(Date.now() + DESCRIBE_MS, () => queueBacklog(client, tenantQueue(tenant)));
  const tenantQueues = new TenantQueueWatch({ describe });
  const disks = watchDisks(options);
  const admission = new Admission({
    limitsOf: (tenant) => registry.get(tenant)?.config.limits ?? NOTHING,
    backlogOf: (tenant) => batcher.backlog(tenant),
    spoolBytes: () => spool.bytes,
    maxSpoolBytes: config.maxSpoolBytes,
    maxBacklogAgeMs: config.maxBacklogAgeSeconds * 1000,
    maxInFlightBytes: config.maxInFlightBytes,
    maxOpenRequests: Math.floor(config.maxConnections * OPEN_SHARE),
    freeDiskBytes: () => disks.freeBytes('spool'),
    onAdmitted: (bytes) => disks.admitted(bytes),
    minFreeDiskBytes: config.minFreeDiskBytes,
    engine: () => engine.status,
    budgetOf: options.budgetOf,
    queueBacklogOf: (tenant) => tenantQueues.backlogOf(tenant),
  });
  const unfollow = registry.onChange(({ tenant, kind }) => {
    if (kind === 'removed') admission.forget(tenant);
  });
  return {
    admission,
    engine: () => engine.status,
    disks: () => DISKS.map((name) => [name, disks.freeBytes(name)] as const),
    close: () => {
      unfollow();
      engine.close();
      tenantQueues.close();
    },
  };
}

/** The spool's disk decides what is admitted; while another is full, events wait in the spool. */
function watchDisks({ config, paths, log }: OpenAdmissionOptions): DiskWatch<(typeof DISKS)[number]> {
  const { spool, batches, state, warehouse } = paths;
  return new DiskWatch({
    directories: { spool, batches, state, warehouse },
    minFreeBytes: config.minFreeDiskBytes,
    onChange: ({ name, freeBytes, short }) =>
      short
        ? log.warn('DISK_NEARLY_FULL', { disk: name, freeBytes })
        : log.info('DISK_HAS_ROOM', { disk: name, freeBytes }),
  });
}

/**
 * Asks Temporal for a sign of life, two seconds long.
 * @throws HeadgateError `ENGINE_UNAVAILABLE`
 */
export async function temporalAnswers(client: Client): Promise<void> {
  try {
    await client.withDeadline(Date.now() + 2_000, () => client.workflowService.getSystemInfo({}));
  } catch (error) {
    throw new HeadgateError('ENGINE_UNAVAILABLE', 'Temporal does not answer.', {
      retryable: true,
      cause: error,
    });
  }
}
