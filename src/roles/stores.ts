import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config.js';
import { HeadgateError, messageOf } from '../errors.js';
import type { Logger } from '../platform/logger.js';
import { BatchKeys } from '../stores/batch-keys/batch-keys.js';
import { createLocalKeyFiles } from '../stores/batch-keys/file.js';
import type { KeyFiles } from '../stores/batch-keys/key-file.js';
import { MasterKeyring } from '../stores/batch-keys/master-keyring.js';
import type { BatchStore } from '../stores/batch-store/batch-store.js';
import { sweepDownloads } from '../stores/batch-store/downloads.js';
import { createFileBatchStore } from '../stores/batch-store/file.js';
import type { RemoteBatchStore } from '../stores/batch-store/gcs.js';
import { localStoreIdentity, type StoreIdentity } from '../stores/batch-store/store-identity.js';
import { createSeal, UNSEALED, type Seal } from '../stores/batch-store/seal.js';
import type { DeliveryLog } from '../stores/delivery-log/delivery-log.js';
import { createFileDeliveryLog } from '../stores/delivery-log/file.js';
import { createFileQuarantine } from '../stores/quarantine/file.js';
import { createFileLoadClaims } from '../stores/load-claims/file.js';
import type { LoadClaims } from '../stores/load-claims/load-claims.js';
import type { UsagePaths } from '../stores/usage/ledger.js';
import type { Quarantine } from '../stores/quarantine/quarantine.js';

/** Where each part of the state lives under the data directory. */
export interface DataPaths {
  readonly spool: string;
  /** Made from batches, and made again where it is missing. */
  readonly eventIndex: string;
  readonly batches: string;
  /** Copies of batch files that are in a bucket, or encrypted, while they are read. */
  readonly downloads: string;
  readonly deliveries: string;
  readonly quarantine: string;
  readonly state: string;
  readonly warehouse: string;
  readonly tenants: string;
  readonly tenantVersions: string;
  /** Encrypted; see `stores/secrets`. */
  readonly secrets: string;
  /** A file a tenant; see `sources`. */
  readonly sources: string;
  readonly keys: string;
  /** What each process holds of Temporal's tasks. */
  readonly holdings: string;
  /** What was counted of tenants. */
  readonly usage: UsagePaths;
}

/** The layout of a data directory. */
export function dataPaths(dataDir: string): DataPaths {
  return {
    spool: join(dataDir, 'spool'),
    eventIndex: join(dataDir, 'event-index'),
    batches: join(dataDir, 'batches'),
    downloads: join(dataDir, 'downloads'),
    deliveries: join(dataDir, 'deliveries'),
    quarantine: join(dataDir, 'quarantine'),
    state: join(dataDir, 'state'),
    warehouse: join(dataDir, 'warehouse'),
    tenants: join(dataDir, 'tenants'),
    tenantVersions: join(dataDir, 'tenant-versions'),
    secrets: join(dataDir, 'secrets'),
    sources: join(dataDir, 'sources'),
    keys: join(dataDir, 'keys'),
    holdings: join(dataDir, 'holdings'),
    usage: { ledger: join(dataDir, 'usage', 'ledger'), journals: join(dataDir, 'usage', 'journals') },
  };
}

/** The stores that both roles use; processes of one machine share them. */
export interface SharedStores {
  readonly paths: DataPaths;
  readonly batchStore: BatchStore;
  /** What batch files are sealed with. */
  readonly seal: Seal;
  readonly deliveryLog: DeliveryLog;
  readonly quarantine: Quarantine;
}

/** What says where batches are, and what they are encrypted with. */
export type BatchSettings = Pick<Config, 'dataDir' | 'batches' | 'batchKeys'>;

/** The batch store that is configured, and what belongs to it. */
export interface OpenedBatches {
  /** As it is; see `identified` for references that say which store they are of. */
  readonly store: BatchStore;
  readonly identity: StoreIdentity;
  readonly keys: BatchKeys;
  readonly keyFiles: KeyFiles;
  readonly masters: MasterKeyring;
  /** The store again, where it is a bucket. */
  readonly remote?: RemoteBatchStore;
}

/** The batch store that is configured. Asks nothing of it, and checks nothing. */
export async function openBatches({ dataDir, batches, batchKeys }: BatchSettings): Promise<OpenedBatches> {
  const paths = dataPaths(dataDir);
  const masters = new MasterKeyring(batchKeys);
  if (batches === undefined) {
    const keyFiles = createLocalKeyFiles(paths.batches);
    const keys = new BatchKeys({ files: keyFiles, masters });
    const sealing = { seal: createSeal(keys), downloads: paths.downloads };
    const store = createFileBatchStore(paths.batches, sealing);
    return { store, identity: localStoreIdentity(paths.batches), keys, keyFiles, masters };
  }
  // Loading Google's client takes a quarter of a second, which only those need pay who use it.
  const [{ createGcsBatchStore }, { createGcsKeyFiles }, { gcsStoreIdentity }] = await Promise.all([
    import('../stores/batch-store/gcs.js'),
    import('../stores/batch-keys/gcs.js'),
    import('../stores/batch-store/gcs-identity.js'),
  ]);
  const keyFiles = createGcsKeyFiles(batches);
  const keys = new BatchKeys({ files: keyFiles, masters });
  const remote = createGcsBatchStore({ ...batches, downloads: paths.downloads, seal: createSeal(keys) });
  return { store: remote, identity: gcsStoreIdentity(batches), remote, keys, keyFiles, masters };
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
 * The batch store that is configured, for a command that reads it.
 * @throws HeadgateError `BATCH_KEY_MISSING`, `BATCH_KEY_WRONG`; what the store throws
 */
export async function openBatchStore(settings: BatchSettings): Promise<BatchStore> {
  const { store, keys } = await openBatches(settings);
  await keys.check({ create: false });
  return store;
}

/**
 * What {@link openBatches} gives, once a bucket has been found usable and its keys the right ones. A bucket that does not
 * answer now is only warned of: until it does, events wait in the spool.
 * @throws HeadgateError `BATCH_STORE_REFUSED`: there are no credentials, no such bucket, or no permission;
 * `BATCH_KEY_MISSING`, `BATCH_KEY_WRONG`
 */
export async function openCheckedBatchStore(
  settings: BatchSettings,
  log: Pick<Logger, 'warn'>,
): Promise<OpenedBatches> {
  const opened = await openBatches(settings);
  const { remote, keys } = opened;
  if (keys.opens) await sweepDownloads(dataPaths(settings.dataDir).downloads);
  try {
    await remote?.check();
    await keys.check({ create: true });
  } catch (error) {
    if (!(error instanceof HeadgateError && error.code === 'BATCH_STORE_UNAVAILABLE')) throw error;
    log.warn('BATCH_STORE_AWAY', { reason: messageOf(error) });
  }
  return opened;
}

/**
 * Opens the stores under a data directory, and makes the directory if need be.
 * @param batchStore default: the one in the data directory
 * @param seal default: none
 */
export function openSharedStores(
  dataDir: string,
  batchStore?: BatchStore,
  seal: Seal = UNSEALED,
): SharedStores {
  const paths = dataPaths(dataDir);
  mkdirSync(paths.tenants, { recursive: true });
  return {
    paths,
    batchStore: batchStore ?? createFileBatchStore(paths.batches),
    seal,
    deliveryLog: createFileDeliveryLog(paths.deliveries),
    quarantine: createFileQuarantine(paths.quarantine),
  };
}
