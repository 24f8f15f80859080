import { loadConfig } from '../config.js';
import { dataPaths, openBatches } from '../roles/stores.js';
import { rewrapKeys, rotateKey } from '../stores/batch-keys/changes.js';
import { rewrapSecrets } from '../tenant-changes/rewrap-secrets.js';
import { assertTenantId } from '../tenants/ids.js';
import { print } from './terminal-text.js';
import { noted } from './note-act.js';

/** Gives a tenant's batch files a new key. */
export async function rotate(given: string): Promise<void> {
  const tenant = assertTenantId(given);
  const config = loadConfig();
  const { keys, keyFiles, masters } = await openBatches(config);
  await keys.check({ create: true });
  const file = await noted(config, { act: 'batch-key rotate', kind: 'changes', tenant }, () =>
    rotateKey(keyFiles, masters, tenant),
  );
  print(
    `${tenant} has ${file.keys.length} keys; the last, ${file.keys.at(-1)?.id}, is used within 60 seconds.`,
  );
}

/** Wraps all keys by the master key that is set now. */
export async function rewrap(): Promise<void> {
  const config = loadConfig();
  const { keys, keyFiles, masters } = await openBatches(config);
  await keys.check({ create: true });
  const { tenants, changed } = await noted(config, { act: 'batch-key rewrap', kind: 'changes' }, () =>
    rewrapKeys(keyFiles, masters),
  );
  const withSecrets = await rewrapSecrets(dataPaths(config.dataDir), masters);
  print(
    `${tenants} tenants have keys; those of ${changed} are wrapped anew, and those of the secrets of ${withSecrets}. HEADGATE_BATCH_KEY opens all of them.`,
  );
}
