import { join } from 'node:path';
import type { Config } from '../config.js';
import { HeadgateError, messageOf } from '../errors.js';
import type { Logger } from '../platform/logger.js';
import type { LoadClaims } from '../stores/load-claims/load-claims.js';
import type { CountedJob } from '../stores/warehouse/load-quotas.js';
import { whileOpen } from '../stores/warehouse/load-steps.js';
import { createParquetWarehouse } from '../stores/warehouse/parquet/parquet.js';
import type { Warehouse } from '../stores/warehouse/warehouse.js';
import { configuredTenant, type LoadedTenant, type TenantRegistry } from '../tenants/config/registry.js';
import type { BigQueryConfig } from '../tenants/config/warehouse-config.js';
import { dataPaths } from './stores.js';

/** What {@link openWarehouses} needs. */
export interface WarehousesOptions {
  readonly config: Pick<
    Config,
    'dataDir' | 'batches' | 'batchKeys' | 'bigQueryEndpoint' | 'bigQueryStorageEndpoint'
  >;
  readonly registry: Pick<TenantRegistry, 'get'>;
  readonly claims: LoadClaims;
  /** Called with each load job that is about to be submitted to BigQuery. */
  readonly onSubmit?: (job: CountedJob) => void;
}

/**
 * The warehouses of all tenants: each load goes to the one that its tenant is configured with when it runs. A tenant that is
 * given another kind goes on there; what has been loaded stays where it is.
 */
export function openWarehouses({ config, registry, claims, onSubmit }: WarehousesOptions): Warehouse {
  const { dataDir, batches: bucket, bigQueryEndpoint: endpoint } = config;
  const parquet = createParquetWarehouse({ root: dataPaths(dataDir).warehouse });
  const kindOf = (tenant: string) => configuredTenant(registry, tenant).config.warehouse;
  let bigQuery: Promise<Warehouse> | undefined;

  const openBigQuery = async (): Promise<Warehouse> => {
    // Google's library takes a while to load, which only those need pay who use it.
    const { createBigQueryWarehouse } = await import('../stores/warehouse/bigquery/bigquery.js');
    const configOf = (tenant: string): BigQueryConfig => {
      const warehouse = kindOf(tenant);
      if (warehouse.kind === 'bigquery') return warehouse;
      const message = `Tenant ${tenant} has been given another warehouse just now.`;
      throw new HeadgateError('WAREHOUSE_UNAVAILABLE', message, { retryable: true });
    };
    return createBigQueryWarehouse({
      configOf,
      claims,
      bucket,
      endpoint,
      onSubmit,
      storageEndpoint: config.bigQueryStorageEndpoint,
      encrypted: config.batchKeys.current !== undefined,
      staging: join(dataDir, 'staging'),
    });
  };

  return whileOpen(
    async (input) => {
      if (kindOf(input.tenant).kind === 'parquet') return parquet.load(input);
      return (await (bigQuery ??= openBigQuery())).load(input);
    },
    async () => {
      await parquet.close();
      await (await bigQuery)?.close();
    },
  );
}

/** What {@link watchWarehouses} needs. */
export interface WatchWarehousesOptions {
  readonly config: Pick<Config, 'batches' | 'bigQueryEndpoint'>;
  readonly registry: Pick<TenantRegistry, 'list' | 'onChange'>;
  readonly log: Pick<Logger, 'error' | 'warn'>;
}

/**
 * Looks at the tenants' BigQuery, at the start and when a tenant changes, and logs what is missing and what to do about it.
 * Nothing waits for it: other tenants have nothing to do with it, and loads continue automatically once it is fixed.
 */
export function watchWarehouses({ config, registry, log }: WatchWarehousesOptions): void {
  const check = createWarehouseCheck(config);
  // One after the other: there may be many tenants, and there is no hurry.
  let looking = Promise.resolve();
  const look = async ({ config: { tenant, warehouse } }: LoadedTenant): Promise<void> => {
    if (warehouse.kind !== 'bigquery') return;
    try {
      await check(warehouse);
    } catch (error) {
      const { code } = error as { code?: unknown };
      const fields = { tenant, reason: messageOf(error) };
      if (code === 'WAREHOUSE_REFUSED') log.error('WAREHOUSE_UNUSABLE', fields);
      else log.warn('WAREHOUSE_AWAY', fields);
    }
  };
  const lookSoon = (loaded: LoadedTenant): void => void (looking = looking.then(() => look(loaded)));
  registry.onChange(({ loaded }) => {
    if (loaded !== undefined) lookSoon(loaded);
  });
  registry.list().forEach(lookSoon);
}

/**
 * Checks a tenant's BigQuery: credentials, and where the data lies. The signal is for those who do not want to wait.
 * @throws HeadgateError `WAREHOUSE_REFUSED` (says what to do), `WAREHOUSE_UNAVAILABLE`, `WAREHOUSE_QUOTA`
 */
export type WarehouseCheck = (warehouse: BigQueryConfig, signal?: AbortSignal) => Promise<void>;

/** Builds a check of any number of tenants' BigQuery. */
export function createWarehouseCheck({
  batches: bucket,
  bigQueryEndpoint: endpoint,
}: Pick<Config, 'batches' | 'bigQueryEndpoint'>): WarehouseCheck {
  let check: Promise<WarehouseCheck> | undefined;
  const open = async (): Promise<WarehouseCheck> => {
    const { createBigQueryCheck } = await import('../stores/warehouse/bigquery/check.js');
    return createBigQueryCheck({ endpoint, bucket });
  };
  return async (warehouse, signal) => (await (check ??= open()))(warehouse, signal);
}
