import type { PromotionConfig } from './promotion.js';

/** A tenant's warehouse in files of this machine, read with DuckDB. */
export interface ParquetConfig {
  readonly kind: 'parquet';
  /** Length of a load window in milliseconds. Default 5 s. */
  readonly windowMs: number;
  /** Fields of `data` with a column of their own. Default none. */
  readonly promote?: readonly PromotionConfig[];
  /** How long the rows of a day are kept, in milliseconds, counted from the end of the day they were loaded on. Default for ever. */
  readonly retentionMs?: number;
}

/** A tenant's warehouse in BigQuery. What is not said here is as the project has it. */
export interface BigQueryConfig {
  readonly kind: 'bigquery';
  /**
   * Length of a load window in milliseconds. Default 5 minutes, at least 1: a table takes 1,500 load jobs a day, and a
   * project 100,000.
   * @see https://cloud.google.com/bigquery/quotas#load_jobs
   */
  readonly windowMs: number;
  /** The project that the dataset is in, and that runs the jobs. */
  readonly project: string;
  /** Default `headgate_<tenant>`, with `_` for `-`. */
  readonly dataset: string;
  /** Where the data lies and the jobs run, such as `EU` or `europe-west3`; fixed once the dataset is there. */
  readonly location: string;
  /** Labels of the dataset and of every job. Default none. */
  readonly labels: Readonly<Record<string, string>>;
  /** The Cloud KMS key that encrypts the tables: `projects/…/locations/…/keyRings/…/cryptoKeys/…`. Default Google's own keys. */
  readonly kmsKey?: string;
  /** How long a day's partition is kept, in milliseconds. Default for ever. */
  readonly partitionExpirationMs?: number;
  /** The service account that Headgate acts as for this tenant. Default its own credentials. */
  readonly impersonate?: string;
  /** Fields of `data` with a column of their own. Default none. */
  readonly promote?: readonly PromotionConfig[];
}

/** Where a tenant's events are loaded. */
export type WarehouseConfig = ParquetConfig | BigQueryConfig;
