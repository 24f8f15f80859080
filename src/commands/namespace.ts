import { Command } from 'commander';

const HELP = `
A namespace of Temporal belongs to one data directory: its batches are there, and no other directory's workers could read
them. The first node that starts claims it; a directory that is moved or restored keeps it.
A server of Headgate's own is its data directory's: show and claim are for one at TEMPORAL_ADDRESS.

Examples:
  $ TEMPORAL_ADDRESS=127.0.0.1:7233 headgate namespace show
  $ TEMPORAL_ADDRESS=127.0.0.1:7233 headgate namespace claim --force
  $ headgate namespace lost 0123456789abcdef`;

const CLAIM = `
With --force it is taken over from another data directory; a node that runs on that one stops on its own within seconds, and
keeps what it has acknowledged. Batches of the other directory that are still on their way are tried again until they are in
this one's batch store (copy the files of <data dir>/batches), or are said to be lost.

Example:
  $ TEMPORAL_ADDRESS=127.0.0.1:7233 headgate namespace claim --force`;

const LOST = `
Batches of that store which are not in this one then count as gone: loads of them fail, and their deliveries become dead
letters. There is no way back. The id of the store is in the error BATCH_UNREACHABLE.

Example:
  $ headgate namespace lost 0123456789abcdef`;

/** `headgate namespace`: whose a namespace is, and how to take it over. */
export function namespaceCommand(): Command {
  const command = new Command('namespace')
    .description('show which data directory a Temporal namespace belongs to, or take it over')
    .addHelpText('after', HELP);
  command
    .command('show')
    .description('show which data directory the namespace belongs to')
    .option('--json', 'print it as JSON')
    .addHelpText('after', '\nExample:\n  $ TEMPORAL_ADDRESS=127.0.0.1:7233 headgate namespace show')
    .action(async (options: { json?: boolean }) => (await import('./run-namespace.js')).show(options));
  command
    .command('claim')
    .description('claim the namespace for this data directory')
    .option('--force', 'take it over from another data directory')
    .addHelpText('after', CLAIM)
    .action(async (options: { force?: boolean }) => (await import('./run-namespace.js')).claim(options));
  command
    .command('lost')
    .argument('<store>', 'the id of a batch store that is gone for good')
    .description('give up the batches of a batch store that is gone for good')
    .addHelpText('after', LOST)
    .action(async (store: string) => (await import('./run-namespace.js')).lost(store));
  return command;
}
