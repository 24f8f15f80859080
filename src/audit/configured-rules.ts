import { HeadgateError } from '../errors.js';
import type { LoadedTenant } from '../tenants/config/registry.js';
import type { TenantConfig } from '../tenants/config/tenant-config.js';
import { listInForce, listVersions, readVersion } from '../tenants/config/versions.js';
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
 * What a tenant has been configured with, by the notes of which version was in force. What was before the first of them is
 * judged by that one, if it is the only version that is kept.
 * @param loaded its file as it is now; without notes, as of an earlier version of Headgate, it counts for all time
 */
export async function configuredRules(dir: string, loaded: LoadedTenant): Promise<ConfiguredRules[]> {
  const { tenant } = loaded.config;
  const inForce = await listInForce(dir, tenant);
  if (inForce.length === 0) return [{ since: 0, until: FOREVER, rules: loaded.config.rules }];
  const found: ConfiguredRules[] = [];
  for (const [index, { version, since }] of inForce.entries()) {
    const rules = await rulesOf(dir, tenant, version);
    const until = inForce[index + 1]?.since ?? FOREVER;
    if (rules !== undefined) found.push({ since: since + HEARD_OF_MS, until, rules });
  }
  const [first] = inForce;
  const others = (await listVersions(dir, tenant)).some(
    ({ version, appliedAt }) => version !== first?.version && appliedAt < (first?.since ?? 0),
  );
  const [oldest, ...later] = found;
  return oldest === undefined || others ? found : [{ ...oldest, since: 0 }, ...later];
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
