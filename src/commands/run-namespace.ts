import type { Client } from '@temporalio/client';
import { loadConfig, type Config } from '../config.js';
import { ownClient } from '../temporal/own-client.js';
import { connectTemporal, temporalFromEnvironment } from '../temporal/connect.js';
import { readNamespaceClaim, type NamespaceOwner } from '../temporal/namespace-owner.js';
import { HeadgateError } from '../errors.js';
import { printable } from '../platform/printable.js';
import { openDataDirectory } from '../roles/data-directory.js';
import { claimNamespace, takeNamespaceOver, type Claimant } from '../roles/namespace-claim.js';
import { openBatches } from '../roles/stores.js';
import { isStoreId } from '../stores/batch-store/store-identity.js';
import { print } from './terminal-text.js';
import { noted } from './note-act.js';

/** Says whose the namespace is. */
export async function show({ json }: { json?: boolean }): Promise<void> {
  const found = await withClient(loadConfig(), async (client) => {
    const owner = (await readNamespaceClaim(client))?.owner;
    return { namespace: client.options.namespace, owner: owner ?? null };
  });
  if (json === true) return print(JSON.stringify(found, undefined, 2));
  const whose = found.owner === null ? "is nobody's yet" : `belongs to ${described(found.owner)}`;
  print(`Namespace "${found.namespace}" ${whose}.`);
}

/** Claims the namespace for this data directory, or takes it over. */
export async function claim({ force }: { force?: boolean }): Promise<void> {
  const config = loadConfig();
  await withClient(config, async (client) => {
    const who = await claimant(config, client.options.namespace);
    const { path, host } = who.directory;
    const params = { namespace: who.namespace, ...(force === true && { force: 'true' }) };
    const before = await noted(config, { act: 'namespace claim', kind: 'changes', params }, () =>
      force === true ? takeNamespaceOver(client, who) : take(client, who),
    );
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

/** Gives up the batches of a batch store that is gone. */
export async function lost(store: string): Promise<void> {
  if (!isStoreId(store))
    throw new HeadgateError(
      'PARAMETER_INVALID',
      'The id of a batch store has 16 hex digits, such as 0123456789abcdef.',
    );
  const config = loadConfig();
  const { identity } = await openBatches(config);
  await noted(config, { act: 'namespace lost', kind: 'changes', params: { store } }, () =>
    identity.adopt(store),
  );
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
    return await work(ownClient({ connection, namespace }));
  } finally {
    await connection.close();
  }
}

function described({ path, host, since }: NamespaceOwner): string {
  return printable(`the data directory ${path} on host ${host} (since ${since})`);
}
