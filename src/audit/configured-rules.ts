import { HeadgateError } from '../errors.js';
import type { LoadedTenant } from '../tenant-config/registry.js';
import type { TenantConfig } from '../tenant-config/tenant-config.js';
import { listVersions, readVersion } from '../tenant-config/versions.js';
import type { Workspace } from './workspace.js';

/** Rules that a tenant was configured with for some time. */
export interface ConfiguredRules {
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** Milliseconds since the epoch, no longer included. */
  readonly until: number;
  readonly rules: TenantConfig['rules'];
}

/** Every process has heard of a change by then: what comes before may be decided on by the old rules or the new. */
const HEARD_OF_MS = 60_000;
const INSERT = 'INSERT INTO rules VALUES ($1, $2, CAST($3 AS DOUBLE), CAST($4 AS DOUBLE))';
/** Without an end, in a number that SQL takes. */
const FOREVER = 8.64e15;

/**
 * What a tenant has been configured with, by the versions of its file that are kept. A version that was in force twice counts
 * from the last time alone: what is not known to have been in force is not asked for.
 * @param loaded its file as it is now; where no version is kept it counts for all time
 */
export async function configuredRules(dir: string, loaded: LoadedTenant): Promise<ConfiguredRules[]> {
  const versions = await listVersions(dir, loaded.config.tenant);
  if (versions.length === 0) return [{ since: 0, until: FOREVER, rules: loaded.config.rules }];
  const found: ConfiguredRules[] = [];
  for (const [index, { version, appliedAt }] of versions.entries()) {
    const rules = await rulesOf(dir, loaded.config.tenant, version);
    const until = versions[index - 1]?.appliedAt ?? FOREVER;
    if (rules !== undefined) found.push({ since: appliedAt + HEARD_OF_MS, until, rules });
  }
  return found;
}

/** Undefined for a version that is not valid any more. */
async function rulesOf(
  dir: string,
  tenant: string,
  version: string,
): Promise<TenantConfig['rules'] | undefined> {
  try {
    return (await readVersion(dir, tenant, version)).config.rules;
  } catch (error) {
    if (error instanceof HeadgateError) return undefined;
    throw error;
  }
}

/** Makes the table `rules (type, rule, since, until)`. */
export async function createRules(
  workspace: Workspace,
  configured: readonly ConfiguredRules[],
): Promise<void> {
  await workspace.run(
    'CREATE OR REPLACE TABLE rules (type VARCHAR, rule VARCHAR, since DOUBLE, until DOUBLE)',
  );
  for (const { since, until, rules } of configured)
    for (const { name, on } of rules)
      for (const type of new Set(on)) await workspace.run(INSERT, [type, name, String(since), String(until)]);
}
