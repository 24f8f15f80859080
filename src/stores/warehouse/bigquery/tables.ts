import type { BigQueryConfig } from '../../../tenants/config/warehouse-config.js';
import type { Table } from '../../../events/columns.js';
import { isNotFound, type BigQueryApi } from './client.js';
import { answerOf, bigQueryError, misplaced, refused } from './errors.js';
import {
  datasetResource,
  fieldsOf,
  tableResource,
  viewName,
  viewOf,
  viewResource,
  type Field,
} from './schema.js';
import { ownViews } from './own-views.js';
import { datasetChanges, labelChanges, tableChanges, type Settings } from './settings.js';
import type { PromotedField } from '../../../events/promoted-field.js';

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

interface DatasetAnswer extends Settings {
  readonly location?: string;
}

interface TableAnswer extends Settings {
  readonly schema?: { readonly fields?: readonly Field[] };
  readonly view?: { readonly query?: string };
}

/**
 * Makes the dataset, a table and its view where they are missing, adds columns that are new, and gives all of them what is
 * configured by now: labels, the key, how long partitions are kept. A column that is promoted no more stays.
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
    const [fields, missing] = withMissing(there, wantedFields);
    const columns = missing.length === 0 ? {} : { schema: { fields } };
    await patch(api, wanted, `tables/${table}`, { ...tableChanges(config, there), ...columns });
    await ensureView(api, wanted, fields);
    if (table === 'events') await ensureOwnViews(api, wanted);
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

async function ensureDataset(api: BigQueryApi, wanted: WantedTable): Promise<void> {
  const { tenant, config, hadLoads, signal } = wanted;
  const path = datasetPath(config);
  const there = await get<DatasetAnswer>(api, path, signal);
  if (there !== undefined) {
    assertLocation(config, there.location);
    return patchDataset(api, wanted, there);
  }
  if (hadLoads)
    throw refused(
      `The dataset ${config.project}.${config.dataset} has been deleted, with all that was loaded into it. Undelete it, or make an empty one of the name and go on without: bq mk --dataset --location=${config.location} ${config.project}:${config.dataset}`,
    );
  const made = datasetResource(config, tenant);
  const found = await create<DatasetAnswer>(api, 'datasets', path, made, signal);
  assertLocation(config, found.location);
}

/**
 * A dataset that somebody else has made is theirs to change, and `roles/bigquery.dataEditor` does not let us: what is
 * configured then reaches the tables alone, by which rows are kept and billed.
 */
async function patchDataset(api: BigQueryApi, wanted: WantedTable, there: DatasetAnswer): Promise<void> {
  try {
    await patch(api, wanted, '', datasetChanges(wanted.config, there));
  } catch (error) {
    if (answerOf(error).status !== 403) throw error;
  }
}

async function ensureView(api: BigQueryApi, wanted: WantedTable, fields: readonly Field[]): Promise<void> {
  const { config, table } = wanted;
  const path = `tables/${viewName(table)}`;
  const resource = viewResource(config, table, fields);
  const there = await ensure<TableAnswer>(api, wanted, path, 'tables', resource);
  const { query, useLegacySql } = viewOf(config, table, fields);
  const isOther = there.view?.query !== undefined && there.view.query !== query;
  const view = isOther ? { view: { query, useLegacySql } } : {};
  await patch(api, wanted, path, { ...labelChanges(config, there), ...view });
}

/** A table of the name that somebody else has made stays as it is. */
async function ensureOwnViews(api: BigQueryApi, wanted: WantedTable): Promise<void> {
  const { config } = wanted;
  for (const { name, query } of ownViews(config, viewName('events'))) {
    const view = { query, useLegacySql: false };
    const path = `tables/${name}`;
    const there = await ensure<TableAnswer>(api, wanted, path, 'tables', {
      tableReference: { projectId: config.project, datasetId: config.dataset, tableId: name },
      labels: config.labels,
      view,
    });
    if (there.view === undefined) continue;
    const isOther = there.view.query !== undefined && there.view.query !== query;
    await patch(api, wanted, path, { ...labelChanges(config, there), ...(isOther && { view }) });
  }
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

/** The columns of a table with those that it lacks, and these alone. */
function withMissing(
  { schema }: TableAnswer,
  wanted: readonly Field[],
): [all: readonly Field[], missing: readonly Field[]] {
  const there = schema?.fields ?? [];
  const names = new Set(there.map(({ name }) => name));
  const missing = wanted.filter(({ name }) => !names.has(name));
  return [[...there, ...missing], missing];
}

/** @param path below the dataset */
async function patch(
  api: BigQueryApi,
  { config, signal }: WantedTable,
  path: string,
  changes: object,
): Promise<void> {
  if (Object.keys(changes).length === 0) return;
  const at = [datasetPath(config), path].filter(Boolean).join('/');
  await api.request({ method: 'PATCH', path: at, body: changes, signal });
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
