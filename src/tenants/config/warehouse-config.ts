import ms from 'ms';
import {
  choice,
  described,
  duration,
  mapOf,
  section,
  text,
  wordOr,
  type Schema,
  type UsedOf,
  type WrittenOf,
} from '../file-schema.js';
import { completePromotions, PROMOTE, type PromotionConfig } from './promotion.js';
import { DAY_MS } from '../../platform/time.js';

/** `{}` stands for what another part of the schema says of the key. */
const KIND = {
  parquet: {} as Schema<'parquet', 'parquet', '', true>,
  bigquery: {} as Schema<'bigquery', 'bigquery', '', false>,
};

const WINDOW = { what: 'How long a load collects batches.', example: '10m' };

/** A tenant's warehouse in files of this machine, read with DuckDB. */
const PARQUET = section(
  {
    kind: KIND.parquet,
    window: duration('1s', '1h', { ...WINDOW, default: '5s' }),
    retention: duration('1 day', '36500 days', {
      what: 'How long rows are kept, counted from the end of the day they were loaded on. At least two days longer than the `retention` of the tenant.',
      unset: 'for ever',
      example: '400 days',
    }),
    promote: PROMOTE,
  },
  [],
);

/**
 * The names that Google allows, as far as a pattern can tell.
 * @see https://cloud.google.com/bigquery/docs/datasets#dataset-naming
 * @see https://cloud.google.com/bigquery/docs/labels-intro#requirements
 */
const PROJECT = {
  pattern: '^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$',
  problem: 'must be a project id: 6 to 30 small letters, digits and "-", such as my-project-1',
};
const DATASET = {
  pattern: '^[A-Za-z0-9_]{1,1024}$',
  problem: `must be a dataset's name: letters, digits and "_"`,
};
const LOCATION = {
  pattern: '^([A-Z]{2,3}|[a-z]+-[a-z]+[0-9]{1,2})$',
  problem: 'must be a location of BigQuery, such as EU, US or europe-west3',
};
const REGION = {
  pattern: '^[a-z]+-[a-z]+[0-9]{1,2}$',
  problem: 'must be a region, such as europe-west3: there are no regional endpoints of EU, US and the like',
};
/** Letters of any script, but no capitals: `Lm` and `Lo` are of scripts that have none. */
const LABEL_KEY = {
  pattern: '^[\\p{Ll}\\p{Lm}\\p{Lo}][\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}\\p{N}_-]{0,62}$',
  problem: 'must be a name of 1 to 63 small letters, digits, "_" and "-" that starts with a letter',
};
const LABEL_VALUE = {
  pattern: '^[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}\\p{N}_-]{0,63}$',
  problem: `must be a label's value: up to 63 small letters, digits, "_" and "-"`,
};
const KMS_KEY = {
  pattern: '^projects/[^/\\s]+/locations/[^/\\s]+/keyRings/[^/\\s]+/cryptoKeys/[^/\\s]+$',
  problem: 'must be projects/…/locations/…/keyRings/…/cryptoKeys/…',
};
const SERVICE_ACCOUNT = {
  pattern: '^[a-z0-9-]+@[a-z0-9.-]+\\.gserviceaccount\\.com$',
  problem: "must be a service account's address, such as loader@my-project-1.iam.gserviceaccount.com",
};

/** A condition: that a key says this. */
const says = (key: string, word: string) => ({
  type: 'object',
  required: [key],
  properties: { [key]: { const: word } },
});

/**
 * A table takes 1,500 load jobs a day, and a project 100,000. A load by the Storage Write API makes a stream for each table
 * that it writes to, and a project takes 30,000 in 4 hours.
 * @see https://cloud.google.com/bigquery/quotas#load_jobs
 * @see https://cloud.google.com/bigquery/quotas#write-api-limits
 */
const WINDOW_BY_WRITER = {
  'load-jobs': duration('1m', '1h', { ...WINDOW, default: '5m' }),
  'storage-write': duration('1s', '1h', { ...WINDOW, default: '10s' }),
};

const WINDOW_OF_WRITER = {
  if: says('writer', 'storage-write'),
  then: { properties: { window: WINDOW_BY_WRITER['storage-write'] } },
  else: { properties: { window: WINDOW_BY_WRITER['load-jobs'] } },
};

/** @see https://cloud.google.com/bigquery/docs/regional-endpoints */
const REGION_OF_ENDPOINT = {
  if: says('endpoint', 'regional'),
  then: { properties: { location: { type: 'string', ...REGION } } },
};

/** A tenant's warehouse in BigQuery. What is not said here is as the project has it. */
const BIGQUERY = section(
  {
    kind: KIND.bigquery,
    writer: choice(['load-jobs', 'storage-write'], {
      what: '`load-jobs` cost nothing, and a table takes 1,500 a day. `storage-write` is paid for by the byte, and takes a load every few seconds.',
      default: 'load-jobs',
      example: 'storage-write',
    }),
    window: {} as (typeof WINDOW_BY_WRITER)['load-jobs'],
    project: text(PROJECT, {
      what: 'The project that the dataset is in, and that runs the jobs.',
      example: 'acme-analytics',
    }),
    dataset: text(DATASET, {
      what: 'The name of the dataset: letters, digits and `_`.',
      unset: '`headgate_<tenant>`, with `_` for `-`',
      example: 'headgate_acme',
    }),
    location: text(LOCATION, {
      what: 'Where the data lies and the jobs run. Fixed once the dataset is there.',
      example: 'europe-west3',
    }),
    labels: mapOf(
      text(LABEL_VALUE),
      { maxProperties: 60, propertyNames: LABEL_KEY },
      {
        what: 'Labels of the dataset, its tables and views, and of every job. Others that they have stay.',
        default: {},
        example: { team: 'data' },
      },
    ),
    kmsKey: text(KMS_KEY, {
      what: 'The Cloud KMS key that encrypts the tables.',
      unset: "as the dataset has it, else Google's own keys",
      example: 'projects/acme-keys/locations/eu/keyRings/headgate/cryptoKeys/events',
    }),
    partitionExpiration: wordOr('never', duration('1 day', '3650 days'), {
      what: "How long a day's partition is kept.",
      unset: 'as the dataset or the table has it, else for ever',
      example: '400 days',
    }),
    endpoint: choice(['global', 'regional'], {
      what: "Hosts of Google that rows go through: the global ones, or those of the dataset's region, which must have them.",
      unset: '`global`',
      example: 'regional',
    }),
    impersonate: text(SERVICE_ACCOUNT, {
      what: 'The service account that Headgate acts as for this tenant.',
      unset: 'its own credentials',
      example: 'loader@acme-analytics.iam.gserviceaccount.com',
    }),
    promote: PROMOTE,
  },
  ['kind', 'project', 'location'],
  undefined,
  { allOf: [WINDOW_OF_WRITER, REGION_OF_ENDPOINT] },
);

type WrittenWarehouse = WrittenOf<typeof PARQUET> | WrittenOf<typeof BIGQUERY>;
type UsedWarehouse = UsedOf<typeof PARQUET> | UsedOf<typeof BIGQUERY>;

/** `warehouse` of a tenant's file. */
export const WAREHOUSE: Schema<WrittenWarehouse, UsedWarehouse, '', true> = described(
  {
    type: 'object',
    properties: {
      kind: choice(['parquet', 'bigquery'], {
        what: '`parquet`: files in the data directory. `bigquery`: a dataset of BigQuery.',
        default: 'parquet',
        example: 'parquet',
      }),
    },
    if: says('kind', 'bigquery'),
    then: BIGQUERY,
    else: PARQUET,
  },
  {
    what: "Where the tenant's events are loaded. What else it may say depends on its `kind`.",
    default: {},
    example: { kind: 'parquet', window: '10s', retention: '400 days' },
  },
);

type Promoted = { readonly promote?: readonly PromotionConfig[] };

/** A tenant's warehouse in files of this machine. */
type ParquetConfig = Omit<UsedOf<typeof PARQUET>, 'promote'> & Promoted;

/** A tenant's warehouse in BigQuery. */
export type BigQueryConfig = Omit<UsedOf<typeof BIGQUERY>, 'promote' | 'dataset'> &
  Promoted & { readonly dataset: string };

/** How rows come into BigQuery. */
export type BigQueryWriter = BigQueryConfig['writer'];

/** Where a tenant's events are loaded. */
export type WarehouseConfig = ParquetConfig | BigQueryConfig;

/** What no default says: the dataset's name, and what promoted fields come to. */
export function completeWarehouse(tenant: string, used: UsedWarehouse): WarehouseConfig {
  const { promote: written = [], ...others } = used;
  const promote = written.length > 0 && { promote: completePromotions(written) };
  if (others.kind === 'parquet') return { ...others, ...promote };
  return { ...others, ...promote, dataset: others.dataset ?? `headgate_${tenant.replaceAll('-', '_')}` };
}

/** True where loads are jobs of BigQuery's, of which a table and a project take a limited number a day. */
export function isByJobs(warehouse: WarehouseConfig): warehouse is BigQueryConfig {
  return warehouse.kind === 'bigquery' && warehouse.writer === 'load-jobs';
}

/** Around midnight a load has the day before that of its batches; one more for clocks that differ. */
const DAYS_MORE = 2;

/**
 * What is wrong with how long a warehouse is kept, if anything is. Its files say which batches are loaded, so they must
 * outlive the batches, which can be announced again.
 */
export function warehouseIssues(warehouse: WarehouseConfig, retentionMs: number) {
  if (warehouse.kind !== 'parquet' || warehouse.retentionMs === undefined) return [];
  const leastMs = retentionMs + DAYS_MORE * DAY_MS;
  if (warehouse.retentionMs >= leastMs) return [];
  const [kept, least] = [retentionMs, leastMs].map((each) => ms(each, { long: true }));
  const message = `must be at least ${least}: batches are kept for ${kept} (retention), and two days more`;
  return [{ path: ['warehouse', 'retention'], message }];
}
