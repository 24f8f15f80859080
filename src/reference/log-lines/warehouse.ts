import type { LineText } from './line-text.js';

const CLEANING = 'compaction-and-retention.md';

/** Of loads, compaction and retention. */
export const WAREHOUSE_LINES = {
  BATCH_UNLOADABLE: {
    level: 'warn',
    phrase: 'a batch cannot be loaded; it is a dead letter of the warehouse',
    means: 'Its file is gone or damaged. The other batches of the load window are loaded.',
    todo: 'Put the file back from a backup, then redrive the dead letter.',
    page: 'dead-letters-appear.md',
  },
  LOADS_SLOWED: {
    level: 'warn',
    phrase: 'loads slowed because they fail or are slow',
    means: "The rate of the tenant's queue was lowered. It rises again automatically.",
    todo: 'Find why loads fail.',
    page: 'loads-are-slowed-down.md',
  },
  LOAD_RATE_RESTORED: {
    level: 'info',
    phrase: 'loads run at their configured rate again',
    means: "The rate of the tenant's queue is not lowered any more.",
  },
  QUEUE_RATE_NOT_SET: {
    level: 'warn',
    phrase: 'the rate of a queue could not be set',
    means: 'Temporal did not answer. It is set with the next change.',
    todo: 'Nothing, if Temporal is back soon.',
    page: 'temporal-away.md',
  },
  LOADS_WAIT_FOR_QUOTA: {
    level: 'warn',
    phrase: 'loads wait for a quota',
    means: 'The load jobs of a table or a project are nearly used up. Rows come later.',
    todo: 'Give the tenant longer windows, or a project of its own.',
    page: 'loads-wait-for-a-quota.md',
  },
  LOADS_LIMITED: {
    level: 'warn',
    phrase: 'loads slowed because BigQuery asks for fewer',
    means: 'BigQuery has refused a load as one too many.',
    todo: 'Give the tenant longer windows, or a project of its own.',
    page: 'loads-wait-for-a-quota.md',
  },
  LOADS_RESUMED: { level: 'info', phrase: 'loads continue', means: 'Loads that waited for a quota go on.' },
  LOAD_JOBS_UNKNOWN: {
    level: 'warn',
    phrase: 'the load jobs of a tenant are not known',
    means: 'The claims of its loads cannot be read, so that jobs before this start are not counted.',
    todo: 'See that the batches can be read.',
    page: 'doctor-load-jobs.md',
  },
  WAREHOUSE_UNUSABLE: {
    level: 'error',
    phrase: 'the warehouse of a tenant refuses access',
    means: 'BigQuery refuses credentials, permissions or location. Batches are kept.',
    todo: 'Do what `reason` says, then resume the warehouse if it is paused.',
    page: 'doctor-bigquery.md',
  },
  WAREHOUSE_AWAY: {
    level: 'warn',
    phrase: 'the warehouse of a tenant does not answer; its batches are kept',
    means: 'BigQuery did not answer.',
    todo: 'See that the network reaches it.',
    page: 'doctor-bigquery.md',
  },
  WAREHOUSE_NOT_PAUSED: {
    level: 'warn',
    phrase: 'a warehouse that refuses loads could not be paused',
    means: 'Temporal did not take the pause. Loads are tried, and refused, meanwhile.',
    todo: 'Correct why the warehouse refuses.',
    page: 'warehouse-paused.md',
  },
  WAREHOUSE_COMPACTED: {
    level: 'info',
    phrase: 'warehouse compacted',
    means: 'Small files of a tenant were replaced by few.',
  },
  COMPACTION_FAILED: {
    level: 'warn',
    phrase: 'a warehouse could not be compacted; retrying later',
    means: 'Queries read more small files meanwhile.',
    todo: 'Look at `reason`. `headgate compact` does it by hand.',
    page: `${CLEANING}#compaction_failed`,
  },
  COMPACTION_PASS_FAILED: {
    level: 'warn',
    phrase: 'compaction failed for all tenants; retrying later',
    means: 'The process that compacts could not be run, or has died.',
    todo: 'Look at `reason`, and at memory.',
    page: `${CLEANING}#compaction_pass_failed`,
  },
  BATCHES_EXPIRED: {
    level: 'info',
    phrase: 'expired batches deleted',
    means: 'Their retention is over.',
  },
  EXPIRED_BATCHES_KEPT: {
    level: 'warn',
    phrase: 'expired batches kept because workflows still need them',
    means: 'Their retention is over, and a load, delivery or dead letter is not.',
    todo: 'Find what waits.',
    page: `${CLEANING}#expired_batches_kept`,
  },
  BATCHES_NOT_EXPIRED: {
    level: 'warn',
    phrase: 'expired batches could not be deleted; retrying later',
    means: 'Temporal did not say what is still needed, or the disk or bucket refused.',
    todo: 'Look at `reason`.',
    page: `${CLEANING}#batches_not_expired`,
  },
  WAREHOUSE_DAYS_EXPIRED: {
    level: 'info',
    phrase: 'expired days of a warehouse deleted',
    means: 'Their retention is over.',
  },
  WAREHOUSE_DAYS_NOT_EXPIRED: {
    level: 'warn',
    phrase: 'expired days of a warehouse could not be deleted; retrying later',
    means: 'The disk of the warehouse refused.',
    todo: 'Look at `reason`.',
    page: `${CLEANING}#warehouse_days_not_expired`,
  },
} as const satisfies Record<string, LineText>;
