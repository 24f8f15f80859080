import { PROMOTE } from './promotion.js';
import { duration, section } from './schema-parts.js';

const PARQUET = section({
  kind: {},
  window: duration('1s', '1h'),
  retention: duration('1 day', '36500 days'),
  promote: PROMOTE,
});

/**
 * The names that Google allows, as far as a pattern can tell.
 * @see https://cloud.google.com/bigquery/docs/datasets#dataset-naming
 * @see https://cloud.google.com/bigquery/docs/labels-intro#requirements
 */
const PROJECT = '^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$';
const DATASET = '^[A-Za-z0-9_]{1,1024}$';
const LOCATION = '^([A-Z]{2,3}|[a-z]+-[a-z]+[0-9]{1,2})$';
const REGION = '^[a-z]+-[a-z]+[0-9]{1,2}$';
/** Letters of any script, but no capitals: `Lm` and `Lo` are of scripts that have none. */
const LABEL_KEY = '^[\\p{Ll}\\p{Lm}\\p{Lo}][\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}\\p{N}_-]{0,62}$';
const LABEL_VALUE = '^[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}\\p{N}_-]{0,63}$';
const KMS_KEY = '^projects/[^/\\s]+/locations/[^/\\s]+/keyRings/[^/\\s]+/cryptoKeys/[^/\\s]+$';
const SERVICE_ACCOUNT = '^[a-z0-9-]+@[a-z0-9.-]+\\.gserviceaccount\\.com$';

/** What to say of a text that does not fit its pattern; `name` is where it stands. */
export const WAREHOUSE_PATTERN_PROBLEMS: Readonly<Record<string, (name: string) => string>> = {
  [PROJECT]: (name) =>
    `${name} must be a project id: 6 to 30 small letters, digits and "-", such as my-project-1`,
  [DATASET]: (name) => `${name} must be a dataset's name: letters, digits and "_"`,
  [LOCATION]: (name) => `${name} must be a location of BigQuery, such as EU, US or europe-west3`,
  [REGION]: (name) =>
    `${name} must be a region, such as europe-west3: there are no regional endpoints of EU, US and the like`,
  [LABEL_VALUE]: (name) => `${name} must be a label's value: up to 63 small letters, digits, "_" and "-"`,
  [KMS_KEY]: (name) => `${name} must be projects/…/locations/…/keyRings/…/cryptoKeys/…`,
  [SERVICE_ACCOUNT]: (name) =>
    `${name} must be a service account's address, such as loader@my-project-1.iam.gserviceaccount.com`,
};

const text = (pattern: string) => ({ type: 'string', pattern });

/** A table takes 1,500 load jobs a day; streams of the Storage Write API are bounded by the project's alone. */
const WINDOW_OF_WRITER = {
  if: { type: 'object', required: ['writer'], properties: { writer: { const: 'storage-write' } } },
  then: { properties: { window: duration('1s', '1h') } },
  else: { properties: { window: duration('1m', '1h') } },
};

/** @see https://cloud.google.com/bigquery/docs/regional-endpoints */
const REGION_OF_ENDPOINT = {
  if: { type: 'object', required: ['endpoint'], properties: { endpoint: { const: 'regional' } } },
  then: { properties: { location: text(REGION) } },
};

const BIGQUERY = section(
  {
    kind: {},
    writer: { enum: ['load-jobs', 'storage-write'] },
    window: {},
    project: text(PROJECT),
    dataset: text(DATASET),
    location: text(LOCATION),
    labels: {
      type: 'object',
      maxProperties: 60,
      propertyNames: { pattern: LABEL_KEY },
      additionalProperties: text(LABEL_VALUE),
    },
    kmsKey: text(KMS_KEY),
    partitionExpiration: { if: { const: 'never' }, then: {}, else: duration('1 day', '3650 days') },
    endpoint: { enum: ['global', 'regional'] },
    impersonate: text(SERVICE_ACCOUNT),
    promote: PROMOTE,
  },
  ['kind', 'project', 'location'],
);

/** Where a tenant's events are loaded. What else it may say depends on its kind. */
export const WAREHOUSE = {
  type: 'object',
  properties: { kind: { enum: ['parquet', 'bigquery'] } },
  if: { type: 'object', required: ['kind'], properties: { kind: { const: 'bigquery' } } },
  then: { ...BIGQUERY, allOf: [WINDOW_OF_WRITER, REGION_OF_ENDPOINT] },
  else: PARQUET,
};
