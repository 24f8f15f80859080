import type { BigQueryConfig } from '../../../tenant-config/warehouse-config.js';
import type { GcsPlace } from '../../batch-store/gcs.js';
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
  readonly signal?: AbortSignal;
}

/** What is there of a warehouse that can be used. */
export interface CheckedWarehouse {
  /** False until the first load makes it. */
  readonly datasetExists: boolean;
}

/**
 * Checks what can be known of a warehouse before a load: that there are credentials which Google takes, and that dataset and
 * bucket lie where the configuration says. Changes nothing.
 * @throws HeadgateError `WAREHOUSE_REFUSED` (says what to do), `WAREHOUSE_UNAVAILABLE`, `WAREHOUSE_QUOTA`
 */
export async function checkBigQuery(
  config: BigQueryConfig,
  { endpoint, bucket, signal }: BigQueryCheckOptions,
): Promise<CheckedWarehouse> {
  const api = createApis(endpoint)(config);
  try {
    await api.authenticate();
  } catch (error) {
    throw bigQueryError(error, config);
  }
  const location = await locationOf(api, config, signal);
  assertLocation(config, location);
  if (bucket !== undefined) await createStagingBucket(bucket).assertLocation(config);
  return { datasetExists: location !== undefined };
}
