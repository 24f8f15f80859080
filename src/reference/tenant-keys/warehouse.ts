import type { KeyText } from './key-text.js';

/** Of where a tenant's events are loaded. */
export const WAREHOUSE_KEYS = {
  warehouse: {
    what: "Where the tenant's events are loaded. What else it may say depends on its `kind`.",
    default: '{ kind: parquet, window: 5s }',
    example: '{ kind: parquet, window: 10s, retention: 400 days }',
  },
  'warehouse.kind': {
    what: '`parquet`: files in the data directory. `bigquery`: a dataset of BigQuery.',
    default: 'parquet',
    example: 'parquet',
  },
  'warehouse.window': {
    what: 'How long a load collects batches.',
    unset: '`5s` for Parquet, `5m` for load jobs of BigQuery, `10s` for its Storage Write API',
    example: '10m',
  },
  'warehouse.retention': {
    what: 'How long rows are kept, counted from the end of the day they were loaded on. At least two days longer than the `retention` of the tenant.',
    unset: 'for ever',
    example: '400 days',
  },
  'warehouse.promote': {
    what: 'Fields of `data` that have a column of their own.',
    unset: 'none',
    example: '[{ field: delay.minutes, type: integer }]',
  },
  'warehouse.promote[]': { what: 'One field. Its column keeps field and type for good.' },
  'warehouse.promote[].field': {
    what: 'The keys that lead to it in `data`, with dots between. A key in double quotes may hold dots: `\'"odd.key".x\'`.',
    example: 'delay.minutes',
  },
  'warehouse.promote[].type': {
    what: 'The type of the column. A value of another type is in `_clashes`, and NULL in the column.',
    example: 'integer',
  },
  'warehouse.promote[].column': {
    what: 'The name of the column: 1 to 63 small letters, digits and `_`, beginning with a letter.',
    unset: 'the keys with `_` between',
    example: 'odd',
  },
  'warehouse.promote[].stream': {
    what: 'Whose events it is a field of.',
    default: 'events',
    example: 'user-properties',
  },
  'warehouse.writer': {
    what: '`load-jobs` cost nothing, and a table takes 1,500 a day. `storage-write` is paid for by the byte, and takes a load every few seconds.',
    default: 'load-jobs',
    example: 'storage-write',
  },
  'warehouse.project': {
    what: 'The project that the dataset is in, and that runs the jobs.',
    example: 'acme-analytics',
  },
  'warehouse.dataset': {
    what: 'The name of the dataset: letters, digits and `_`.',
    unset: '`headgate_<tenant>`, with `_` for `-`',
    example: 'headgate_acme',
  },
  'warehouse.location': {
    what: 'Where the data lies and the jobs run. Fixed once the dataset is there.',
    example: 'europe-west3',
  },
  'warehouse.labels': {
    what: 'Labels of the dataset, its tables and views, and of every job. Others that they have stay.',
    unset: 'none',
    example: '{ team: data }',
  },
  'warehouse.kmsKey': {
    what: 'The Cloud KMS key that encrypts the tables.',
    unset: "as the dataset has it, else Google's own keys",
    example: 'projects/acme-keys/locations/eu/keyRings/headgate/cryptoKeys/events',
  },
  'warehouse.partitionExpiration': {
    what: "How long a day's partition is kept.",
    unset: 'as the dataset or the table has it, else for ever',
    example: '400 days',
  },
  'warehouse.endpoint': {
    what: "Hosts of Google that rows go through: the global ones, or those of the dataset's region, which must have them.",
    unset: '`global`',
    example: 'regional',
  },
  'warehouse.impersonate': {
    what: 'The service account that Headgate acts as for this tenant.',
    unset: 'its own credentials',
    example: 'loader@acme-analytics.iam.gserviceaccount.com',
  },
} as const satisfies Record<string, KeyText>;
