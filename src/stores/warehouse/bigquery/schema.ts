import type { BigQueryConfig } from '../../../tenants/config/warehouse-config.js';
import { columnsOf, KEY_COLUMNS, type Column, type Table } from '../../../events/columns.js';
import type { PromotedField } from '../../../events/promoted-field.js';

/** A column of a BigQuery table, as its REST API has it. */
export interface Field {
  readonly name: string;
  readonly type: (typeof TYPES)[Column['type']];
}

/** @see https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types */
const TYPES = {
  VARCHAR: 'STRING',
  TIMESTAMPTZ: 'TIMESTAMP',
  JSON: 'JSON',
  BIGINT: 'INTEGER',
  DOUBLE: 'FLOAT',
  BOOLEAN: 'BOOLEAN',
} as const;

/** What Headgate adds is told from what producers send by its `_`. */
export function fieldName({ name, from }: Column): string {
  return from === 'line' || from === 'data' ? name : `_${name}`;
}

/** The columns of a table with promoted fields. */
export function fieldsOf(table: Table, promoted: readonly PromotedField[] = []): readonly Field[] {
  return columnsOf(table, promoted).map((column) => ({ name: fieldName(column), type: TYPES[column.type] }));
}

const CLUSTERING: Readonly<Record<Table, readonly string[]>> = {
  events: ['type', 'subject'],
  user_properties: ['type', 'subject'],
  decisions: ['rule', 'subject'],
};

/** A dataset as it is created. */
export function datasetResource(config: BigQueryConfig, tenant: string): object {
  const { project: projectId, dataset: datasetId, location, labels, kmsKey } = config;
  return {
    datasetReference: { projectId, datasetId },
    location,
    labels,
    description: `Events of the tenant ${tenant}, loaded by Headgate.`,
    ...(kmsKey && { defaultEncryptionConfiguration: { kmsKeyName: kmsKey } }),
  };
}

/** A table as it is created. */
export function tableResource(config: BigQueryConfig, table: Table, fields: readonly Field[]): object {
  const { project: projectId, dataset: datasetId, labels, kmsKey } = config;
  return {
    tableReference: { projectId, datasetId, tableId: table },
    labels,
    schema: { fields },
    timePartitioning: partitioning(config),
    clustering: { fields: CLUSTERING[table] },
    ...(kmsKey && { encryptionConfiguration: { kmsKeyName: kmsKey } }),
  };
}

/** By the day of the load, so that a load writes to one partition and a late event does not expire at once. */
export function partitioning(config: BigQueryConfig): object {
  const expirationMs = expirationOf(config);
  return { type: 'DAY', field: '_loaded_at', ...(expirationMs !== undefined && { expirationMs }) };
}

/**
 * How long partitions are to be kept, as BigQuery has it: null is for ever. Undefined where nothing is configured, which
 * leaves it to the dataset's default and to the person who has changed the table.
 */
export function expirationOf({ partitionExpirationMs }: BigQueryConfig): string | null | undefined {
  if (partitionExpirationMs === undefined) return undefined;
  return partitionExpirationMs === 'never' ? null : String(partitionExpirationMs);
}

/** The name of the view that holds each event, or decision, of a table once. */
export function viewName(table: Table): string {
  return `${table}_deduped`;
}

/** A view that holds each event once, by its source and id, or each decision: of a producer's repetitions the one that was loaded first, as in Parquet's views. */
export function viewResource(config: BigQueryConfig, table: Table, fields: readonly Field[]): object {
  const { project: projectId, dataset: datasetId, labels } = config;
  return {
    tableReference: { projectId, datasetId, tableId: viewName(table) },
    labels,
    view: viewOf(config, table, fields),
  };
}

/** What a view shows: columns by name, since BigQuery would not see later ones behind `*` either. */
export function viewOf(
  { project, dataset }: BigQueryConfig,
  table: Table,
  fields: readonly Field[],
): { readonly useLegacySql: false; readonly query: string } {
  const columns = fields.map(({ name }) => `\`${name}\``);
  const rows = `SELECT ${columns.join(', ')} FROM \`${project}.${dataset}.${table}\``;
  const once = `ROW_NUMBER() OVER (PARTITION BY ${KEY_COLUMNS[table].join(', ')} ORDER BY _loaded_at, _batch_id, _load_id) = 1`;
  // True of every row: a table whose administrator wants queries to say which partitions they read is read all the same.
  return { useLegacySql: false, query: `${rows} WHERE _loaded_at >= TIMESTAMP '1970-01-01' QUALIFY ${once}` };
}
