import { Command } from 'commander';
import { loadConfig } from '../config.js';
import { openBatches } from '../roles/stores.js';
import { rewrapKeys, rotateKey } from '../stores/batch-keys/changes.js';
import { assertTenantId } from '../tenant.js';

const EXAMPLES = `
Batch files are encrypted where HEADGATE_BATCH_KEY is set: each tenant's with a key of its own, which that master key wraps.

Examples:
  $ headgate batch-key rotate UA
  $ headgate batch-key rewrap`;

const ROTATE = `
What is written from now on is encrypted with the new key, by running processes within a minute; older files are read with
the keys before, and stay as they are.

Example:
  $ headgate batch-key rotate UA`;

const REWRAP = `
To replace the master key: set HEADGATE_BATCH_KEY to the new one and HEADGATE_BATCH_KEY_PREVIOUS to the old one, everywhere;
restart all processes; run this; then take HEADGATE_BATCH_KEY_PREVIOUS away. No batch file is read or written.

Example:
  $ headgate batch-key rewrap`;

/** `headgate batch-key`: replaces the keys that batch files are encrypted with. */
export function batchKeyCommand(): Command {
  const command = new Command('batch-key')
    .description('Replace the keys that batch files are encrypted with.')
    .addHelpText('after', EXAMPLES);
  command
    .command('rotate')
    .argument('<tenant>', 'who gets a new key')
    .description("Give a tenant's batch files a new key.")
    .addHelpText('after', ROTATE)
    .action(rotate);
  command
    .command('rewrap')
    .description("Wrap every tenant's keys by the master key that is set now.")
    .addHelpText('after', REWRAP)
    .action(rewrap);
  return command;
}

async function rotate(given: string): Promise<void> {
  const tenant = assertTenantId(given);
  const { keys, keyFiles, masters } = await openBatches(loadConfig());
  await keys.check({ create: true });
  const file = await rotateKey(keyFiles, masters, tenant);
  print(
    `${tenant} has ${file.keys.length} keys; the last, ${file.keys.at(-1)?.id}, is used within 60 seconds.`,
  );
}

async function rewrap(): Promise<void> {
  const { keys, keyFiles, masters } = await openBatches(loadConfig());
  await keys.check({ create: true });
  const { tenants, changed } = await rewrapKeys(keyFiles, masters);
  print(
    `${tenants} tenants have keys; those of ${changed} are wrapped anew. HEADGATE_BATCH_KEY opens all of them.`,
  );
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
