import type { PromotionConfig } from './promotion.js';

/** A tenant's warehouse in files of this machine, read with DuckDB. */
interface ParquetConfig {
  readonly kind: 'parquet';
  /** Length of a load window in milliseconds. Default 5 s. */
  readonly windowMs: number;
  /** Fields of `data` with a column of their own. Default none. */
  readonly promote?: readonly PromotionConfig[];
  /** How long the rows of a day are kept, in milliseconds, counted from the end of the day they were loaded on. Default for ever. */
  readonly retentionMs?: number;
}

/**
 * How rows come into BigQuery: by load jobs, which cost nothing and of which a table takes 1,500 a day, or by the Storage
 * Write API, which is paid for by the byte and takes a load every few seconds.
 */
export type BigQueryWriter = 'load-jobs' | 'storage-write';

/** A tenant's warehouse in BigQuery. What is not said here is as the project has it. */
export interface BigQueryConfig {
  readonly kind: 'bigquery';
  /** Default load jobs. */
  readonly writer: BigQueryWriter;
  /**
   * Length of a load window in milliseconds. Of load jobs 5 minutes by default, at least 1: a table takes 1,500 load jobs a
   * day, and a project 100,000. Of the Storage Write API 10 seconds by default, at least 1: a load makes a stream for each
   * table that it writes to, and a project takes 30,000 in 4 hours.
   * @see https://cloud.google.com/bigquery/quotas#load_jobs
   * @see https://cloud.google.com/bigquery/quotas#write-api-limits
   */
  readonly windowMs: number;
  /** The project that the dataset is in, and that runs the jobs. */
  readonly project: string;
  /** Default `headgate_<tenant>`, with `_` for `-`. */
  readonly dataset: string;
  /** Where the data lies and the jobs run, such as `EU` or `europe-west3`; fixed once the dataset is there. */
  readonly location: string;
  /** Labels of the dataset, its tables and views, and of every job. Others that they have stay. Default none. */
  readonly labels: Readonly<Record<string, string>>;
  /**
   * The Cloud KMS key that encrypts the tables: `projects/…/locations/…/keyRings/…/cryptoKeys/…`. Default as the dataset has
   * it; else Google's own keys.
   */
  readonly kmsKey?: string;
  /** How long a day's partition is kept, in milliseconds. Default as the dataset or the table has it; else for ever. */
  readonly partitionExpirationMs?: number | 'never';
  /**
   * Which hosts of Google's rows go through: the global ones, or those of the dataset's region, which keep them there on
   * their way as well. Default `global`.
   * @see https://cloud.google.com/bigquery/docs/regional-endpoints
   */
  readonly endpoint?: 'global' | 'regional';
  /** The service account that Headgate acts as for this tenant. Default its own credentials. */
  readonly impersonate?: string;
  /** Fields of `data` with a column of their own. Default none. */
  readonly promote?: readonly PromotionConfig[];
}

/** Where a tenant's events are loaded. */
export type WarehouseConfig = ParquetConfig | BigQueryConfig;

/** True where loads are jobs of BigQuery's, of which a table and a project take a limited number a day. */
export function isByJobs(warehouse: WarehouseConfig): warehouse is BigQueryConfig {
  return warehouse.kind === 'bigquery' && warehouse.writer === 'load-jobs';
}
