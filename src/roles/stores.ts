import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BatchStore } from '../stores/batch-store/batch-store.js';
import { createFileBatchStore } from '../stores/batch-store/file.js';
import type { DeliveryLog } from '../stores/delivery-log/delivery-log.js';
import { createFileDeliveryLog } from '../stores/delivery-log/file.js';
import { createFileQuarantine } from '../stores/quarantine/file.js';
import type { Quarantine } from '../stores/quarantine/quarantine.js';

/** Where each part of the state lives under the data directory. */
export interface DataPaths {
  readonly spool: string;
  readonly batches: string;
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

/** Opens the stores under a data directory, and makes the directory if need be. */
export function openSharedStores(dataDir: string): SharedStores {
  const paths = dataPaths(dataDir);
  mkdirSync(paths.tenants, { recursive: true });
  return {
    paths,
    batchStore: createFileBatchStore(paths.batches),
    deliveryLog: createFileDeliveryLog(paths.deliveries),
    quarantine: createFileQuarantine(paths.quarantine),
  };
}
