import { join } from 'node:path';
import type { GcsPlace } from '../../src/stores/gcs/place.js';
import { createFileLoadClaims } from '../../src/stores/load-claims/file.js';
import { createGcsLoadClaims } from '../../src/stores/load-claims/gcs.js';
import { createBigQueryWarehouse } from '../../src/stores/warehouse/bigquery/bigquery.js';
import { createParquetWarehouse } from '../../src/stores/warehouse/parquet/parquet.js';
import type { Warehouse } from '../../src/stores/warehouse/warehouse.js';
import type { BigQueryConfig, BigQueryWriter } from '../../src/tenants/config/warehouse-config.js';
import { PROJECT } from './bigquery.js';

/** Where a warehouse is, so that a process of its own can open it too. */
export type WarehousePlace =
  | { readonly kind: 'parquet'; readonly root: string }
  | {
      readonly kind: 'bigquery';
      readonly endpoint: string;
      /** Of the Storage Write API. */
      readonly storageEndpoint?: string;
      /** Default: the Storage Write API where it is, load jobs elsewhere. */
      readonly writer?: BigQueryWriter;
      /** What the names of the tenants' datasets begin with. */
      readonly prefix: string;
      /** Where claims and files to be loaded are. */
      readonly dir: string;
      readonly bucket?: GcsPlace;
    };

/** A tenant's warehouse in the emulator. */
export function bigQueryConfig(prefix: string, tenant: string, more: object = {}): BigQueryConfig {
  const dataset = `${prefix}_${tenant}`;
  return {
    kind: 'bigquery',
    writer: 'load-jobs',
    windowMs: 60_000,
    project: PROJECT,
    dataset,
    location: 'EU',
    labels: {},
    ...more,
  };
}

/** Opens a warehouse with nothing cached, as a new process does. */
export function openWarehouse(place: WarehousePlace): Warehouse {
  if (place.kind === 'parquet') return createParquetWarehouse({ root: place.root });
  const { endpoint, storageEndpoint, prefix, dir, bucket } = place;
  const { writer = storageEndpoint === undefined ? 'load-jobs' : 'storage-write' } = place;
  return createBigQueryWarehouse({
    endpoint,
    storageEndpoint,
    bucket,
    staging: join(dir, 'staging'),
    configOf: (tenant) => bigQueryConfig(prefix, tenant, { writer }),
    claims: bucket ? createGcsLoadClaims(bucket) : createFileLoadClaims(join(dir, 'claims')),
  });
}
