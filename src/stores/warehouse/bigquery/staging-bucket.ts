import type { BigQueryConfig } from '../../../tenants/config/warehouse-config.js';
import { assertTenantId } from '../../../tenants/ids.js';
import type { GcsPlace } from '../../gcs/place.js';
import { GcsObjects } from '../../gcs/gcs-objects.js';
import { misplaced } from './errors.js';
import { DAY_MS, dayOf, HOUR_MS } from '../../../platform/time.js';

/** No tenant id begins with `_`. */
const DIRECTORY = '_loads';
/** The process that comes after a crash makes the file again; no job reads one for this long. */
const KEPT_DAYS = 2;
const SWEEP_EVERY_MS = HOUR_MS;

/** Files that jobs load, in the bucket of the batches: BigQuery reads them there itself. */
export interface StagingBucket {
  /**
   * Puts a file there.
   * @param day of the load, `YYYY-MM-DD`
   * @returns its URI, and how to delete it
   */
  put(
    tenant: string,
    day: string,
    name: string,
    path: string,
  ): Promise<{ uri: string; remove(): Promise<void> }>;
  /**
   * Checks that bucket and dataset lie together. Where these credentials may not know where the bucket lies (that takes
   * `storage.buckets.get`), it is left to BigQuery, which refuses the jobs.
   * @throws HeadgateError `WAREHOUSE_REFUSED`
   */
  assertLocation(config: BigQueryConfig): Promise<void>;
}

/** Files at `gs://<bucket>/<prefix>/_loads/<tenant>/<day>/<name>.ndjson`. Those that a crash has left are deleted after two days. */
export function createStagingBucket({ bucket, prefix, endpoint }: GcsPlace): StagingBucket {
  const objects = new GcsObjects(bucket, endpoint);
  const root = `${prefix === '' ? '' : `${prefix}/`}${DIRECTORY}/`;
  const sweptAt = new Map<string, number>();

  async function sweepHourly(tenant: string): Promise<void> {
    const now = Date.now();
    if (now - (sweptAt.get(tenant) ?? 0) < SWEEP_EVERY_MS) return;
    sweptAt.set(tenant, now);
    const directory = `${root}${tenant}/`;
    const endOffset = directory + dayOf(now - KEPT_DAYS * DAY_MS);
    for await (const { names } of objects.pages({ prefix: directory, endOffset, maxResults: 1_000 }))
      for (const name of names) await objects.remove(name);
  }

  return {
    put: async (tenant, day, name, path) => {
      await sweepHourly(assertTenantId(tenant));
      const objectName = `${root}${tenant}/${day}/${name}.ndjson`;
      await objects.upload(objectName, path);
      return { uri: `gs://${bucket}/${objectName}`, remove: () => objects.remove(objectName) };
    },
    assertLocation: async (config) => {
      const location = await objects.location();
      if (location === undefined || liesIn(location, config.location)) return;
      throw misplaced(
        `The bucket gs://${bucket} is in ${location}, and the dataset ${config.project}.${config.dataset} in ${config.location}: BigQuery loads from a bucket that lies with the dataset alone. Give HEADGATE_BATCHES a bucket in ${config.location}, or the tenant a dataset in ${location}.`,
      );
    },
  };
}

/** Regions of Europe whose data is not in the EU: BigQuery keeps none of the multi-region's there. */
const OUTSIDE_EU = new Set(['EUROPE-WEST2', 'EUROPE-WEST6']);
/** A pair of regions has a name of its own, or is a multi-region with two of its regions chosen, of which we are not told. */
const DUAL_REGION = /^(EUR|NAM|ASIA)\d+$/;
const MULTI_REGION = /^(EU|US|ASIA)$/;

/**
 * False where BigQuery is certain not to load from a bucket into a dataset; what is not certain is left to BigQuery, which
 * refuses the jobs. A dataset in the US takes any bucket, one in the EU any of its regions, and one in a region its own.
 * Dual-regions may have the region of the dataset in them.
 * @see https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-json#limitations
 */
export function liesIn(bucketLocation: string, datasetLocation: string): boolean {
  const [bucket, dataset] = [bucketLocation.toUpperCase(), datasetLocation.toUpperCase()];
  if (dataset === 'US' || bucket === dataset) return true;
  if (dataset === 'EU')
    return (bucket.startsWith('EUROPE-') && !OUTSIDE_EU.has(bucket)) || /^EUR\d+$/.test(bucket);
  return DUAL_REGION.test(bucket) && !MULTI_REGION.test(dataset);
}
