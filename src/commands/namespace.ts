import { Client } from '@temporalio/client';
import { Command } from 'commander';
import { loadConfig, type Config } from '../config.js';
import { connectTemporal, temporalFromEnvironment } from '../engine/connect.js';
import { readNamespaceClaim, type NamespaceOwner } from '../engine/namespace-owner.js';
import { HeadgateError } from '../errors.js';
import { openDataDirectory } from '../roles/data-directory.js';
import { claimNamespace, takeNamespaceOver, type Claimant } from '../roles/namespace-claim.js';
import { openBatches } from '../roles/stores.js';
import { isStoreId } from '../stores/batch-store/store-identity.js';
import { printable } from './terminal-text.js';

const HELP = `
A namespace of Temporal belongs to one data directory: its batches are there, and no other directory's workers could read
them. The first node that starts claims it; a directory that is moved or restored takes it along.

Examples:
  $ headgate namespace show
  $ headgate namespace claim --force
  $ headgate namespace lost 0123456789abcdef`;

const CLAIM = `
With --force it is taken over from another data directory; a node that runs on that one stops by itself within seconds, and
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
    .action(show);
  command
    .command('claim')
    .description('claim the namespace for this data directory')
    .option('--force', 'take it over from another data directory')
    .addHelpText('after', CLAIM)
    .action(claim);
  command
    .command('lost')
    .argument('<store>', 'the id of a batch store that is gone for good')
    .description('give up the batches of a batch store that is gone for good')
    .addHelpText('after', LOST)
    .action(lost);
  return command;
}

async function show({ json }: { json?: boolean }): Promise<void> {
  const found = await withClient(loadConfig(), async (client) => {
    const owner = (await readNamespaceClaim(client))?.owner;
    return { namespace: client.options.namespace, owner: owner ?? null };
  });
  if (json === true) return print(JSON.stringify(found, undefined, 2));
  const whose = found.owner === null ? "is nobody's yet" : `belongs to ${described(found.owner)}`;
  print(`Namespace "${found.namespace}" ${whose}.`);
}

async function claim({ force }: { force?: boolean }): Promise<void> {
  const config = loadConfig();
  await withClient(config, async (client) => {
    const who = await claimant(config, client.options.namespace);
    const { path, host } = who.directory;
    const before = force === true ? await takeNamespaceOver(client, who) : await take(client, who);
    print(`Namespace "${who.namespace}" belongs to ${path} on host ${host}.`);
    if (before === undefined || before.directory === who.directory.id) return;
    print(
      `It was taken over from ${described(before)}; that one's batch store is ${printable(before.store)}.`,
    );
  });
}

async function take(client: Client, who: Claimant): Promise<undefined> {
  await claimNamespace(client, who, { info: () => undefined });
}

async function lost(store: string): Promise<void> {
  if (!isStoreId(store))
    throw new HeadgateError(
      'PARAMETER_INVALID',
      'The id of a batch store has 16 hex digits, such as 0123456789abcdef.',
    );
  const { identity } = await openBatches(loadConfig());
  await identity.adopt(store);
  print(
    `Batches of store ${store} that are not in this one, ${await identity.id()}, count as gone from now on.`,
  );
}

async function claimant(config: Config, namespace: string): Promise<Claimant> {
  const { identity } = await openBatches(config);
  const directory = await openDataDirectory(config.dataDir);
  return {
    namespace,
    directory,
    store: await identity.id(),
    ownsSpool: true,
    mayShare: false,
    ownServer: false,
  };
}

async function withClient<T>(config: Config, work: (client: Client) => Promise<T>): Promise<T> {
  if (config.temporalAddress === undefined)
    throw new HeadgateError(
      'CONFIG_INVALID',
      "headgate namespace needs TEMPORAL_ADDRESS, such as TEMPORAL_ADDRESS=127.0.0.1:7233. A Temporal server of Headgate's own is in the data directory, and always that directory's.",
    );
  const { connect, namespace = config.temporalNamespace } = temporalFromEnvironment(config.temporalAddress);
  const connection = await connectTemporal(connect);
  try {
    return await work(new Client({ connection, namespace }));
  } finally {
    await connection.close();
  }
}

function described({ path, host, since }: NamespaceOwner): string {
  return printable(`the data directory ${path} on host ${host} (since ${since})`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
