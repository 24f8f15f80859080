import type { Stream } from '../../events/event.js';

/**
 * What BigQuery takes of load jobs in 24 hours; those that fail count as well, and neither can be raised.
 * @see https://cloud.google.com/bigquery/quotas#load_jobs
 */
export const LOAD_JOBS = {
  /** Of one table. */
  perTable: 1_500,
  /** Of one project: all tenants whose jobs it runs share them. */
  perProject: 100_000,
} as const;

/** A load job, as quotas see it. */
export interface CountedJob {
  /** The project that runs it. */
  readonly project: string;
  readonly tenant: string;
  /** Which of the tenant's tables it loads. */
  readonly stream: Stream;
}
