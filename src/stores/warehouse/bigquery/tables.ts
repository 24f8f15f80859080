import type { BigQueryConfig } from '../../../tenant-config/warehouse-config.js';
import type { Table } from '../columns.js';
import { isNotFound, type BigQueryApi } from './client.js';
import { bigQueryError, misplaced, refused } from './errors.js';
import {
  datasetResource,
  fieldsOf,
  partitioning,
  tableResource,
  viewName,
  viewOf,
  viewResource,
  type Field,
} from './schema.js';
import type { PromotedField } from '../promoted-field.js';

/** What is asked of a tenant's dataset. */
export interface WantedTable {
  readonly tenant: string;
  readonly config: BigQueryConfig;
  readonly table: Table;
  /** Fields of `data` that have a column. */
  readonly promoted: readonly PromotedField[];
  /** Rows have been loaded into this dataset before: one that is not there has been deleted, and is not made again. */
  readonly hadLoads: boolean;
  readonly signal?: AbortSignal;
}

interface DatasetAnswer {
  readonly location?: string;
}

interface TableAnswer {
  readonly schema?: { readonly fields?: readonly Field[] };
  readonly view?: { readonly query?: string };
  readonly timePartitioning?: { readonly expirationMs?: string };
}

/**
 * Makes the dataset, a table and its view where they are missing, adds columns that are new, and gives the table's
 * partitions the expiration that is configured. A column that is promoted no more stays.
 * @throws HeadgateError `WAREHOUSE_REFUSED` (the dataset lies elsewhere, has been deleted, or may not be made), and what
 * {@link bigQueryError} gives
 */
export async function ensureTable(api: BigQueryApi, wanted: WantedTable): Promise<void> {
  const { config, table } = wanted;
  try {
    await ensureDataset(api, wanted);
    const wantedFields = fieldsOf(table, wanted.promoted);
    const made = tableResource(config, table, wantedFields);
    const there = await ensure<TableAnswer>(api, wanted, `tables/${table}`, 'tables', made);
    await ensureExpiration(api, wanted, there);
    const fields = await ensureFields(api, wanted, there, wantedFields);
    const view = viewResource(config, table, fields);
    const shown = await ensure<TableAnswer>(api, wanted, `tables/${viewName(table)}`, 'tables', view);
    const { query, useLegacySql } = viewOf(config, table, fields);
    if (shown.view?.query !== undefined && shown.view.query !== query)
      await patch(api, wanted, viewName(table), { view: { query, useLegacySql } });
  } catch (error) {
    wanted.signal?.throwIfAborted();
    throw bigQueryError(error, config);
  }
}

/**
 * Where a dataset lies; undefined while there is none.
 * @throws HeadgateError what {@link bigQueryError} gives
 */
export async function locationOf(
  api: BigQueryApi,
  config: BigQueryConfig,
  signal?: AbortSignal,
): Promise<string | undefined> {
  try {
    return (await get<DatasetAnswer>(api, datasetPath(config), signal))?.location;
  } catch (error) {
    throw bigQueryError(error, config);
  }
}

/**
 * Compares the location of a dataset that is there with the one that is configured.
 * @throws HeadgateError `WAREHOUSE_REFUSED`
 */
export function assertLocation(config: BigQueryConfig, location: string | undefined): void {
  if (location === undefined || location.toUpperCase() === config.location.toUpperCase()) return;
  const { project, dataset } = config;
  throw misplaced(
    `The dataset ${project}.${dataset} is in ${location}, and the tenant's configuration says ${config.location}. A dataset cannot be moved: correct the location, or name another dataset.`,
  );
}

async function ensureDataset(
  api: BigQueryApi,
  { tenant, config, hadLoads, signal }: WantedTable,
): Promise<void> {
  const path = datasetPath(config);
  const there = await get<DatasetAnswer>(api, path, signal);
  if (there !== undefined) return assertLocation(config, there.location);
  if (hadLoads)
    throw refused(
      `The dataset ${config.project}.${config.dataset} has been deleted, with all that was loaded into it. Undelete it, or make an empty one of the name and go on without: bq mk --dataset --location=${config.location} ${config.project}:${config.dataset}`,
    );
  const made = datasetResource(config, tenant);
  const found = await create<DatasetAnswer>(api, 'datasets', path, made, signal);
  assertLocation(config, found.location);
}

async function ensure<T>(
  api: BigQueryApi,
  { config, signal }: WantedTable,
  path: string,
  collection: string,
  resource: object,
): Promise<T> {
  const dataset = datasetPath(config);
  const there = await get<T>(api, `${dataset}/${path}`, signal);
  return there ?? create<T>(api, `${dataset}/${collection}`, `${dataset}/${path}`, resource, signal);
}

/** The columns of a table, once it has all that are wanted. */
async function ensureFields(
  api: BigQueryApi,
  wanted: WantedTable,
  { schema }: TableAnswer,
  wantedFields: readonly Field[],
): Promise<readonly Field[]> {
  const there = schema?.fields ?? [];
  const names = new Set(there.map(({ name }) => name));
  const missing = wantedFields.filter(({ name }) => !names.has(name));
  const fields = [...there, ...missing];
  if (missing.length > 0) await patch(api, wanted, wanted.table, { schema: { fields } });
  return fields;
}

async function patch(
  api: BigQueryApi,
  { config, signal }: WantedTable,
  table: string,
  body: object,
): Promise<void> {
  await api.request({ method: 'PATCH', path: `${datasetPath(config)}/tables/${table}`, body, signal });
}

/** A shorter expiration deletes days at once, which is what it is for. */
async function ensureExpiration(api: BigQueryApi, wanted: WantedTable, there: TableAnswer): Promise<void> {
  const { config, table } = wanted;
  const configured = config.partitionExpirationMs?.toString() ?? null;
  const now = there.timePartitioning?.expirationMs ?? null;
  if (String(now) === String(configured)) return;
  const timePartitioning = { ...partitioning(config), expirationMs: configured };
  await patch(api, wanted, table, { timePartitioning });
}

/** What is there already may have been made by another process meanwhile; an emulator answers that with 500. */
async function create<T>(
  api: BigQueryApi,
  collection: string,
  path: string,
  resource: object,
  signal?: AbortSignal,
): Promise<T> {
  try {
    return await api.request<T>({ method: 'POST', path: collection, body: resource, signal });
  } catch (error) {
    const there = await get<T>(api, path, signal);
    if (there === undefined) throw error;
    return there;
  }
}

async function get<T>(api: BigQueryApi, path: string, signal?: AbortSignal): Promise<T | undefined> {
  try {
    return await api.request<T>({ path, signal });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function datasetPath({ dataset }: BigQueryConfig): string {
  return `datasets/${encodeURIComponent(dataset)}`;
}
