import type { BigQueryConfig } from '../../../tenants/config/warehouse-config.js';
import type { GcsPlace } from '../../gcs/place.js';
import { createApis } from './client.js';
import { bigQueryError } from './errors.js';
import { createStagingBucket } from './staging-bucket.js';
import { assertLocation, locationOf } from './tables.js';

/** Where BigQuery and the batches are. */
export interface BigQueryCheckOptions {
  /** URL of an emulator. Default: Google's. */
  readonly endpoint?: string;
  /** The bucket that batches are in, if they are in one. */
  readonly bucket?: GcsPlace;
}

/**
 * Checks what can be known of a warehouse before a load: that there are credentials which Google takes, and that dataset and
 * bucket lie where the configuration says. Changes nothing.
 * @throws HeadgateError `WAREHOUSE_REFUSED` (says what to do), `WAREHOUSE_UNAVAILABLE`, `WAREHOUSE_QUOTA`
 */
export type BigQueryCheck = (config: BigQueryConfig, signal?: AbortSignal) => Promise<void>;

/** Builds a check; tenants of one project and account share what it has learned of their credentials. */
export function createBigQueryCheck({ endpoint, bucket }: BigQueryCheckOptions): BigQueryCheck {
  const apiOf = createApis(endpoint);
  const staging = bucket && createStagingBucket(bucket);
  return async (config, signal) => {
    const api = apiOf(config);
    try {
      await api.authenticate();
    } catch (error) {
      throw bigQueryError(error, config);
    }
    assertLocation(config, await locationOf(api, config, signal));
    // Rows of the Storage Write API do not come from the bucket.
    if (config.writer === 'load-jobs') await staging?.assertLocation(config);
  };
}
