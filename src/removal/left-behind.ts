import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { HeadgateError } from '../errors.js';
import { sourcePath } from '../sources/source-file.js';
import type { TenantToApply } from '../tenants/config/registry.js';
import { IN_FORCE } from '../tenants/config/versions.js';
import { assertTenantId } from '../tenants/ids.js';

/** Where the parts of a data directory are that hold something of each tenant separately. */
export interface TenantDirectories {
  readonly batches: string;
  readonly warehouse: string;
  readonly deliveries: string;
  readonly quarantine: string;
  readonly tenantVersions: string;
  readonly secrets: string;
  readonly sources: string;
}

/** What a data directory has of a tenant besides its file. */
export interface LeftBehind {
  readonly what: string;
  readonly path: string;
}

/** What a data directory has of a tenant separately. What all tenants share, the state and the spool, is not looked into. */
export function leftBehind(paths: TenantDirectories, tenant: string): LeftBehind[] {
  const id = assertTenantId(tenant);
  const places = [
    { what: 'rows', path: join(paths.warehouse, id) },
    { what: 'batches of events', path: join(paths.batches, id) },
    { what: 'what receivers answered', path: join(paths.deliveries, id) },
    { what: 'damaged events', path: join(paths.quarantine, id) },
    { what: 'secrets', path: join(paths.secrets, id) },
    { what: 'sources and their write keys', path: sourcePath(paths.sources, id) },
  ].filter(({ path }) => existsSync(path));
  const versions = join(paths.tenantVersions, id);
  // One that was applied, and that no process has ever heard of, has left nothing.
  if (places.length === 0 && !existsSync(join(versions, IN_FORCE))) return [];
  return existsSync(versions) ? [...places, { what: 'its earlier configurations', path: versions }] : places;
}

/** Of the tenants that are not configured now, those of which something is left. */
export function leftOfNew(
  paths: TenantDirectories,
  tenants: readonly TenantToApply[],
): (readonly [tenant: string, left: readonly LeftBehind[]])[] {
  return tenants
    .filter(({ isThere }) => !isThere)
    .map(({ loaded }) => [loaded.config.tenant, leftBehind(paths, loaded.config.tenant)] as const)
    .filter(([, left]) => left.length > 0);
}

/**
 * Asserts that no tenant which is not configured now has anything here: it would go on with what another may have left.
 * @throws HeadgateError `STATE_CONFLICT`, saying of all of them what is here
 */
export function assertNothingLeft(paths: TenantDirectories, tenants: readonly TenantToApply[]): void {
  const found = leftOfNew(paths, tenants);
  if (found.length === 0) return;
  const places = found.flatMap(([tenant, left]) =>
    left.map(({ what, path }) => `${tenant}: ${what}: ${path}`),
  );
  const ids = found.map(([tenant]) => tenant).join(', ');
  const remedy = `If it is the same customer, go on with all of it, its profiles, remembered ids, webhooks on their way and pauses as well: --keep-data. If the id is another's now, remove what is left first: headgate tenant remove ${found[0]?.[0]} --data`;
  throw new HeadgateError(
    'STATE_CONFLICT',
    `Nothing is applied: ${ids} is not configured now, and was before.\n${places.join('\n')}\n${remedy}`,
    { details: { tenants: found.map(([tenant]) => tenant) } },
  );
}
