import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config.js';
import { HeadgateError } from '../errors.js';
import type { Logger } from '../observability/logger.js';
import type { BatchStore } from '../stores/batch-store/batch-store.js';
import { createFileBatchStore } from '../stores/batch-store/file.js';
import type { RemoteBatchStore } from '../stores/batch-store/gcs.js';
import type { DeliveryLog } from '../stores/delivery-log/delivery-log.js';
import { createFileDeliveryLog } from '../stores/delivery-log/file.js';
import { createFileQuarantine } from '../stores/quarantine/file.js';
import { createFileLoadClaims } from '../stores/load-claims/file.js';
import type { LoadClaims } from '../stores/load-claims/load-claims.js';
import type { Quarantine } from '../stores/quarantine/quarantine.js';

/** Where each part of the state lives under the data directory. */
export interface DataPaths {
  readonly spool: string;
  readonly batches: string;
  /** Copies of batch files that are in a bucket, while they are read. */
  readonly downloads: string;
  readonly deliveries: string;
  readonly quarantine: string;
  readonly state: string;
  readonly warehouse: string;
  readonly tenants: string;
  readonly tenantVersions: string;
  readonly keys: string;
}

/** The layout of a data directory. */
export function dataPaths(dataDir: string): DataPaths {
  return {
    spool: join(dataDir, 'spool'),
    batches: join(dataDir, 'batches'),
    downloads: join(dataDir, 'downloads'),
    deliveries: join(dataDir, 'deliveries'),
    quarantine: join(dataDir, 'quarantine'),
    state: join(dataDir, 'state'),
    warehouse: join(dataDir, 'warehouse'),
    tenants: join(dataDir, 'tenants'),
    tenantVersions: join(dataDir, 'tenant-versions'),
    keys: join(dataDir, 'keys'),
  };
}

/** The stores that both roles use; processes of one machine share them. */
export interface SharedStores {
  readonly paths: DataPaths;
  readonly batchStore: BatchStore;
  readonly deliveryLog: DeliveryLog;
  readonly quarantine: Quarantine;
}

/** The batch store in the bucket that is configured; undefined where batches are in the data directory. Checks nothing. */
export async function openRemoteBatchStore({
  dataDir,
  batches,
}: Pick<Config, 'dataDir' | 'batches'>): Promise<RemoteBatchStore | undefined> {
  if (batches === undefined) return undefined;
  // Loading Google's client takes a quarter of a second, which only those need pay who use it.
  const { createGcsBatchStore } = await import('../stores/batch-store/gcs.js');
  return createGcsBatchStore({ ...batches, downloads: dataPaths(dataDir).downloads });
}

/** The batch store that is configured. Checks nothing. */
export async function openBatchStore(config: Pick<Config, 'dataDir' | 'batches'>): Promise<BatchStore> {
  return (await openRemoteBatchStore(config)) ?? createFileBatchStore(dataPaths(config.dataDir).batches);
}

/** The claims of loads, beside the batches that are configured. Checks nothing. */
export async function openLoadClaims({
  dataDir,
  batches,
}: Pick<Config, 'dataDir' | 'batches'>): Promise<LoadClaims> {
  if (batches === undefined) return createFileLoadClaims(dataPaths(dataDir).batches);
  const { createGcsLoadClaims } = await import('../stores/load-claims/gcs.js');
  return createGcsLoadClaims(batches);
}

/**
 * The batch store that is configured, once a bucket has been found usable. One that does not answer now is only warned of:
 * until it does, events wait in the spool.
 * @throws HeadgateError `BATCH_STORE_REFUSED`: there are no credentials, no such bucket, or no permission
 */
export async function openCheckedBatchStore(
  config: Pick<Config, 'dataDir' | 'batches'>,
  log: Pick<Logger, 'warn'>,
): Promise<BatchStore> {
  const remote = await openRemoteBatchStore(config);
  await remote?.check().catch((error: unknown) => {
    if (!(error instanceof HeadgateError && error.code === 'BATCH_STORE_UNAVAILABLE')) throw error;
    log.warn({ reason: error.message }, 'the batch store does not answer; events wait in the spool');
  });
  return remote ?? openBatchStore(config);
}

/**
 * Opens the stores under a data directory, and makes the directory if need be.
 * @param batchStore default: the one in the data directory
 */
export function openSharedStores(dataDir: string, batchStore?: BatchStore): SharedStores {
  const paths = dataPaths(dataDir);
  mkdirSync(paths.tenants, { recursive: true });
  return {
    paths,
    batchStore: batchStore ?? createFileBatchStore(paths.batches),
    deliveryLog: createFileDeliveryLog(paths.deliveries),
    quarantine: createFileQuarantine(paths.quarantine),
  };
}
