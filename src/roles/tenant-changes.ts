import type { ApiDependencies } from '../api/server.js';
import type { KnownKeys } from '../sources/known-keys.js';
import { SecretChanges } from '../tenant-changes/secrets.js';
import { SourceChanges } from '../tenant-changes/sources.js';
import { TenantChanges } from '../tenant-changes/tenants.js';
import { storedSecretsOfSource } from '../tenants/config/source-config.js';
import { storedSecretsOf } from '../tenants/config/subscription-config.js';
import type { ApiRoleOptions } from './api-role-options.js';
import { createWarehouseCheck } from './warehouses.js';

/** What operators may change while this process runs: tenants, their subscriptions, secrets and sources. */
export function openTenantChanges(
  {
    config,
    registry,
    reading,
    masters,
    storedSecrets,
    stores: { paths },
  }: Pick<ApiRoleOptions, 'config' | 'registry' | 'reading' | 'masters' | 'storedSecrets' | 'stores'>,
  keys: Pick<KnownKeys, 'look'>,
): NonNullable<ApiDependencies['tenants']> {
  const changes = new TenantChanges({
    paths,
    registry,
    reading,
    reach: config,
    checkWarehouse: createWarehouseCheck(config),
    missingSecrets: ({ tenant, subscriptions, sources }) => {
      const names = [...subscriptions.flatMap(storedSecretsOf), ...sources.flatMap(storedSecretsOfSource)];
      return [...new Set(names.filter((name) => !storedSecrets.has(tenant, name)))];
    },
  });
  const secrets = new SecretChanges({ paths, masters, registry });
  const sources = new SourceChanges({ paths, takeOver: () => keys.look() });
  return Object.assign(changes, { loadedOf: (tenant: string) => registry.get(tenant), secrets, sources });
}
