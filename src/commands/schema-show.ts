import Table from 'cli-table3';
import { loadConfig } from '../config.js';
import { HeadgateError } from '../errors.js';
import { dataPaths } from '../roles/stores.js';
import { columnsOf, TABLES, tableOf } from '../events/columns.js';
import type { ColumnSchema, TableSchema } from '../stores/warehouse/parquet/schema.js';
import { writeField } from '../events/promoted-field.js';
import { STREAMS } from '../events/event.js';
import { promotedOf, type PromotionConfig } from '../tenants/config/promotion.js';
import { readTenantFile, tenantFileName } from '../tenants/config/tenant-file.js';
import type { WarehouseConfig } from '../tenants/config/warehouse-config.js';
import { assertTenantId } from '../tenants/ids.js';
import { cell, print } from './terminal-text.js';

/** A column as it is shown: of one that is configured and in no file yet, the numbers are missing. */
type ShownColumn = Omit<ColumnSchema, 'values'> & { readonly values?: number };

/** A table as it is shown. Where only its configuration can be told, it has no number of rows. */
interface ShownTable {
  readonly table: TableSchema['table'];
  readonly rows?: number;
  readonly columns: readonly ShownColumn[];
}

/** Shows a tenant's tables. */
export async function showSchema(tenant: string, { json }: { readonly json: boolean }): Promise<void> {
  const paths = dataPaths(loadConfig().dataDir);
  const warehouse = await warehouseOf(paths.tenants, assertTenantId(tenant));
  const tables =
    warehouse?.kind === 'bigquery'
      ? configuredTables(warehouse.promote)
      : await heldTables(paths.warehouse, tenant, warehouse?.promote);
  const kind = warehouse?.kind ?? 'parquet';
  print(
    json
      ? `${JSON.stringify({ tenant, warehouse: kind, tables }, undefined, 2)}\n`
      : `${tables.map((each) => tableText(each)).join('\n')}${noteFor(tenant, warehouse)}`,
  );
}

/** Undefined for a tenant that is not configured any more: its files are still there. */
async function warehouseOf(dir: string, tenant: string): Promise<WarehouseConfig | undefined> {
  try {
    return (await readTenantFile(dir, tenantFileName(tenant))).config.warehouse;
  } catch (error) {
    if (error instanceof HeadgateError && error.code === 'FILE_UNREADABLE') return undefined;
    throw error;
  }
}

async function heldTables(
  root: string,
  tenant: string,
  promotions: readonly PromotionConfig[] | undefined,
): Promise<ShownTable[]> {
  // Loading DuckDB takes a tenth of a second, which the other commands need not pay.
  const { readTenantSchema } = await import('../stores/warehouse/parquet/schema.js');
  return (await readTenantSchema({ root, tenant })).map((held) => {
    const known = new Set(held.columns.map(({ name }) => name));
    const coming = configuredColumns(held.table, promotions).filter(({ name }) => !known.has(name));
    return { ...held, columns: [...held.columns, ...coming] };
  });
}

function configuredTables(promotions: readonly PromotionConfig[] | undefined): ShownTable[] {
  return TABLES.map((table) => ({ table, columns: configuredColumns(table, promotions, true) }));
}

/** The columns that a tenant's file asks for. */
function configuredColumns(
  table: ShownTable['table'],
  promotions: readonly PromotionConfig[] | undefined,
  all = false,
): ShownColumn[] {
  const stream = STREAMS.find((each) => tableOf(each) === table)!;
  const promoted = promotedOf(promotions, stream);
  return columnsOf(table, promoted).flatMap(({ name, type, from }): ShownColumn[] => {
    const field = promoted.find(({ column }) => column === name);
    if (!all && from !== 'data') return [];
    return [{ name, type, ...(field && { field: writeField(field.path) }) }];
  });
}

function tableText({ table, rows, columns }: ShownTable): string {
  const text = new Table({
    head: ['column', 'type', 'field of data', 'since', 'values', 'clashes', 'such as'],
    style: { head: [], border: [] },
    colAligns: ['left', 'left', 'left', 'left', 'right', 'right', 'left'],
  });
  for (const { name, type, field, since, values, clashes } of columns) {
    const told = field !== undefined && values === undefined && rows !== undefined ? 'not loaded yet' : '';
    text.push([
      name,
      type,
      cell(field ?? '', 60),
      since?.slice(0, 16).replace('T', ' ') ?? told,
      values?.toLocaleString('en-US') ?? '',
      clashes?.count.toLocaleString('en-US') ?? '',
      cell(clashes?.sample ?? '', 40),
    ]);
  }
  const counted = rows === undefined ? '' : `: ${rows.toLocaleString('en-US')} rows`;
  return `${table}${counted}\n${text.toString()}\n`;
}

function noteFor(tenant: string, warehouse: WarehouseConfig | undefined): string {
  if (warehouse === undefined) return `${tenant} is not configured here; these are its files.\n`;
  if (warehouse.kind === 'parquet') return '';
  const table = `\`${warehouse.project}.${warehouse.dataset}.events\``;
  return `The rows are in BigQuery, so these are the columns as configured. What has clashed, for instance:
  SELECT count(*) FROM ${table} WHERE _clashes IS NOT NULL\n`;
}
