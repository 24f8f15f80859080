import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfig, type Config } from '../config.js';
import { HeadgateError } from '../errors.js';
import { dataPaths, openBatches } from '../roles/stores.js';
import { eraseTenant } from '../removal/erase-tenant.js';
import { openTenantRegistry } from '../tenants/config/registry.js';
import { assertTenantId } from '../tenants/ids.js';
import { bigQueryOf } from './parquet-tenant.js';
import { print } from './terminal-text.js';
import { noted } from './note-act.js';

/** Deletes the keys of a tenant's batch files, and names what is not encrypted. */
export async function erase(given: string, { yes }: { yes: boolean }): Promise<void> {
  const tenant = assertTenantId(given);
  const config = loadConfig();
  const { store, keys, keyFiles } = await openBatches(config);
  await keys.check({ create: false });
  if (!keys.seals)
    throw new HeadgateError(
      'BATCH_KEY_MISSING',
      'HEADGATE_BATCH_KEY is not set: batches are not encrypted, so there is no key to delete.',
    );
  await assertSuspended(config, tenant);
  if (!yes)
    throw new HeadgateError(
      'PARAMETER_INVALID',
      `This makes everything that is kept of ${tenant}'s batches unreadable for good: add --yes to do it.`,
    );
  const {
    erasedAt,
    keys: deleted,
    plainFiles,
  } = await noted(config, { act: 'tenant erase', kind: 'changes', tenant }, () =>
    eraseTenant(keyFiles, store, tenant),
  );
  await rm(join(dataPaths(config.dataDir).eventIndex, tenant), { recursive: true, force: true });
  print(
    `${tenant} is erased since ${erasedAt}: ${deleted} keys deleted now, ${plainFiles} plain batch files.`,
  );
  print('Running processes stop reading and writing its batches within 60 seconds.');
  const left = plainPlaces(config, tenant);
  const bigQuery = await bigQueryOf(config.dataDir, tenant);
  if (bigQuery !== undefined) left.push(`BigQuery ${bigQuery.project}.${bigQuery.dataset}`);
  if (left.length > 0)
    print(
      `Not encrypted, and still there:\n${left.map((each) => `  ${each}`).join('\n')}\nheadgate tenant remove ${tenant} --data removes it, but for BigQuery.`,
    );
}

/** Else events would be taken and lost. */
async function assertSuspended({ dataDir }: Config, tenant: string): Promise<void> {
  const registry = await openTenantRegistry({ dir: dataPaths(dataDir).tenants });
  await registry.close();
  if (registry.get(tenant)?.config.suspended !== false) return;
  throw new HeadgateError(
    'STATE_CONFLICT',
    `Tenant ${tenant} takes events, which would be lost: apply its file with \`suspended: true\` first, and let its deliveries end.`,
  );
}

/** Where else a tenant's events are on this machine. */
function plainPlaces({ dataDir }: Config, tenant: string): string[] {
  const { warehouse, deliveries, quarantine, tenantVersions, state, spool } = dataPaths(dataDir);
  const own = [warehouse, deliveries, quarantine, tenantVersions].map((each) => join(each, tenant));
  const shared = [
    { path: state, what: "(its subjects' profiles, aggregates and decisions)" },
    {
      path: spool,
      what: '(events that are not in a batch yet, and traces of others until they are overwritten)',
    },
  ];
  return [
    ...own.filter(existsSync),
    ...shared.filter(({ path }) => existsSync(path)).map(({ path, what }) => `${path} ${what}`),
  ];
}
