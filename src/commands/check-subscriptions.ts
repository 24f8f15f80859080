import { secretReader, type Config } from '../config.js';
import { dataPaths } from '../roles/stores.js';
import { createSubscriptionFaults } from '../roles/subscription-faults.js';
import { MasterKeyring } from '../stores/batch-keys/master-keyring.js';
import { StoredSecrets } from '../stores/secrets/stored-secrets.js';
import { SecretOwners } from '../tenants/config/secret-owners.js';
import { listTenantFiles, readTenantFile, type TenantFile } from '../tenants/config/tenant-file.js';
import { ok, warn, type Finding } from './finding.js';

const CHECK = 'subscriptions';
const MAX_NAMED = 5;

/** Looks for subscriptions that could deliver nothing with the variables that are set here; no finding where there are none. */
export async function checkSubscriptions(config: Config): Promise<Finding[]> {
  const files = await filesIn(dataPaths(config.dataDir).tenants);
  const tenants = new Map(files.map((file) => [file.config.tenant, file.config]));
  const owners = new SecretOwners({ list: () => files, onChange: () => () => undefined });
  const stored = new StoredSecrets(dataPaths(config.dataDir).secrets, new MasterKeyring(config.batchKeys));
  const secretOf = secretReader({
    sharing: (tenant) => owners.sharing(tenant),
    stored: (...asked) => stored.valuesOf(...asked),
  });
  const faultOf = createSubscriptionFaults(config, (tenant) => tenants.get(tenant), secretOf);
  const names = [...tenants].flatMap(([tenant, { subscriptions }]) =>
    subscriptions.map(({ name }) => [tenant, name] as const),
  );
  if (names.length === 0) return [];
  const faults = names.flatMap(([tenant, name]) => {
    const fault = faultOf(tenant, name);
    return fault === undefined ? [] : [`${tenant}/${name}: ${fault}`];
  });
  if (faults.length === 0) return [ok(CHECK, `${names.length}, with what they refer to`)];
  const shown = faults.slice(0, MAX_NAMED).join('; ');
  const fix = 'set the variables where workers run, or correct the files: what is to be delivered waits';
  return [warn(CHECK, `${faults.length} of ${names.length} can deliver nothing from here. ${shown}`, fix)];
}

async function filesIn(dir: string): Promise<TenantFile[]> {
  const names = await listTenantFiles(dir).catch(() => []);
  // A file that is invalid is found by the check of tenants.
  const read = await Promise.all(names.map((name) => readTenantFile(dir, name).catch(() => undefined)));
  return read.flatMap((file) => file ?? []);
}
