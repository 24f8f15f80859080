import { HeadgateError } from '../errors.js';
import { leftBehind, type TenantDirectories } from '../removal/left-behind.js';
import { invalidAsWhole } from '../tenants/config/invalid-file.js';
import { assertOwnName, type Reach } from '../tenants/config/reach.js';
import type { ReadingApart } from '../tenants/config/reading-apart.js';
import {
  listTenantFiles,
  MAX_BYTES,
  tenantFileName,
  tenantOfFile,
  versionOf,
} from '../tenants/config/tenant-file.js';
import type { TenantConfig } from '../tenants/config/tenant-config.js';
import type { BigQueryConfig } from '../tenants/config/warehouse-config.js';

/** What a file is checked with. */
export interface CheckOptions {
  readonly paths: TenantDirectories & { readonly tenants: string };
  readonly reading: Pick<ReadingApart, 'parse' | 'assertReach' | 'assertColumnsKept'>;
  readonly reach: Reach;
  /** Looks where a dataset lies. Default: nobody looks. */
  readonly checkWarehouse?: (warehouse: BigQueryConfig, signal: AbortSignal) => Promise<void>;
}

/** A file that somebody wants to put into force. */
export interface Proposed {
  readonly tenant: string;
  readonly text: string;
  readonly isNew: boolean;
  /** It may be new, and go on with what an earlier tenant of this id has left. */
  readonly keepData: boolean;
}

/** Asking Google takes half a second; without a network it would take minutes to give up. */
const LOCATION_MS = 5_000;

/**
 * Checks a file as `headgate tenant apply` does, by the same schema and with the same words.
 * @throws HeadgateError `TENANT_CONFIG_INVALID`, with the place of each problem; `STATE_CONFLICT`: the tenant is new, and
 * something is here of one by its id
 */
export async function checkProposed(options: CheckOptions, proposed: Proposed): Promise<TenantConfig> {
  const { paths, reading, reach } = options;
  const { tenant, text, isNew } = proposed;
  const name = tenantFileName(tenant);
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_BYTES)
    throw invalidAsWhole(name, `it has ${bytes} bytes, more than the ${MAX_BYTES} a tenant's file may have`);
  const config = await reading.parse(text, name);
  if (config.tenant !== tenant)
    throw invalidAsWhole(name, `tenant: it is ${config.tenant}, and must be ${tenant} as in the path`);
  const others = (await listTenantFiles(paths.tenants)).map(tenantOfFile);
  if (isNew) assertOwnName(tenant, name, others);
  await reading.assertReach({ config, text }, name, reach, others);
  await reading.assertColumnsKept(paths.tenantVersions, { config, text, version: versionOf(text) }, name);
  if (isNew && !proposed.keepData) assertNothingLeft(paths, tenant);
  await assertLocation(options, config, name);
  return config;
}

/** One that is new would go on with what another may have left. */
function assertNothingLeft(paths: TenantDirectories, tenant: string): void {
  const left = leftBehind(paths, tenant).map(({ what }) => what);
  if (left.length === 0) return;
  throw new HeadgateError(
    'STATE_CONFLICT',
    `Tenant ${tenant} was here before, and this is left of it: ${left.join(', ')}. If it is the same customer, go on with it by keepData. If the id is another's now, remove it first, at the node: headgate tenant remove ${tenant} --data`,
  );
}

/** Anything else that is wrong with BigQuery may be over soon, and is seen where loads fail. */
async function assertLocation(
  { checkWarehouse }: CheckOptions,
  { warehouse }: TenantConfig,
  name: string,
): Promise<void> {
  if (warehouse.kind !== 'bigquery' || checkWarehouse === undefined) return;
  try {
    await checkWarehouse(warehouse, AbortSignal.timeout(LOCATION_MS));
  } catch (error) {
    if (!(error instanceof HeadgateError) || error.details?.problem !== 'location') return;
    throw invalidAsWhole(name, `warehouse.location: ${error.message}`);
  }
}
