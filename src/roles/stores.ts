import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BatchStore } from '../stores/batch-store/batch-store.js';
import { createFileBatchStore } from '../stores/batch-store/file.js';

/** Where each part of the state lives under the data directory. */
export interface DataPaths {
  readonly spool: string;
  readonly batches: string;
  readonly state: string;
  readonly warehouse: string;
  readonly tenants: string;
  readonly tenantVersions: string;
  readonly deliveries: string;
  readonly keys: string;
}

/** The layout of a data directory. */
export function dataPaths(dataDir: string): DataPaths {
  return {
    spool: join(dataDir, 'spool'),
    batches: join(dataDir, 'batches'),
    state: join(dataDir, 'state'),
    warehouse: join(dataDir, 'warehouse'),
    tenants: join(dataDir, 'tenants'),
    tenantVersions: join(dataDir, 'tenant-versions'),
    deliveries: join(dataDir, 'deliveries'),
    keys: join(dataDir, 'keys'),
  };
}

/** The stores that both roles use; processes of one machine share them. */
export interface SharedStores {
  readonly paths: DataPaths;
  readonly batchStore: BatchStore;
}

/** Opens the stores under a data directory, and makes the directory if need be. */
export function openSharedStores(dataDir: string): SharedStores {
  const paths = dataPaths(dataDir);
  mkdirSync(paths.tenants, { recursive: true });
  return { paths, batchStore: createFileBatchStore(paths.batches) };
}
