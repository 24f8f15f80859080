import type { BigQueryConfig } from '../../../tenants/config/warehouse-config.js';

/** What says which of Google's hosts a tenant's rows go through. */
export type WithEndpoint = Pick<BigQueryConfig, 'endpoint' | 'location'>;

/**
 * URL of BigQuery's REST API for a tenant. A regional one ends the connection in the region of the dataset, and answers for
 * nothing that lies elsewhere.
 * @see https://cloud.google.com/bigquery/docs/regional-endpoints
 */
export function restEndpoint({ endpoint, location }: WithEndpoint): string {
  return `https://bigquery${regional({ endpoint, location })}.googleapis.com`;
}

/** Host of the Storage Write API for a tenant; see {@link restEndpoint}. */
export function storageHost({ endpoint, location }: WithEndpoint): string {
  return `bigquerystorage${regional({ endpoint, location })}.googleapis.com`;
}

function regional({ endpoint, location }: WithEndpoint): string {
  return endpoint === 'regional' ? `.${location.toLowerCase()}.rep` : '';
}
