import { writeFile } from 'node:fs/promises';
import { writeDurably } from '../platform/durable-file.js';
import { readTextIfThere, namesIfThere } from '../platform/read-if-there.js';
import type { MasterKeyring } from '../stores/batch-keys/master-keyring.js';
import { decodeSecretFile, encodeSecretFile, secretPath } from '../stores/secrets/secret-file.js';
import { whileNobodyChanges } from '../tenants/config/change-history.js';
import { isTenantId } from '../tenants/ids.js';

/**
 * Wraps the keys of all tenants' secrets by the current master key. No value is decrypted. May be run again.
 * @returns the number of tenants that have secrets
 * @throws HeadgateError `BATCH_KEY_MISSING`, `BATCH_KEY_WRONG`
 */
export function rewrapSecrets(
  { secrets, tenantVersions }: { readonly secrets: string; readonly tenantVersions: string },
  masters: MasterKeyring,
): Promise<number> {
  return whileNobodyChanges(tenantVersions, async () => {
    let tenants = 0;
    for (const tenant of (await namesIfThere(secrets)).filter(isTenantId)) {
      const path = secretPath(secrets, tenant);
      const text = await readTextIfThere(path);
      if (text === undefined) continue;
      tenants++;
      const file = decodeSecretFile(tenant, text);
      const keys = file.keys.map((key) => masters.rewrap({ tenant }, key));
      if (keys.every((key, index) => key === file.keys[index])) continue;
      const content = encodeSecretFile({ ...file, keys });
      await writeDurably(path, (temporary) => writeFile(temporary, content, { mode: 0o600 }));
    }
    return tenants;
  });
}
