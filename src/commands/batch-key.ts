import { Command } from 'commander';

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
    .action(async (tenant: string) => (await import('./run-batch-key.js')).rotate(tenant));
  command
    .command('rewrap')
    .description("Wrap every tenant's keys by the master key that is set now.")
    .addHelpText('after', REWRAP)
    .action(async () => (await import('./run-batch-key.js')).rewrap());
  return command;
}
