import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import type { Config } from '../config.js';
import { ownClient } from '../temporal/own-client.js';
import { askTemporal } from '../temporal/ask-temporal.js';
import { connectTemporal, temporalFromEnvironment } from '../temporal/connect.js';
import { serverStateOf, type RunningServer } from '../temporal/dev-server/server-record.js';

/** The Temporal server of Headgate's own that runs on the data directory now. */
export function runningServer({ dataDir }: Pick<Config, 'dataDir'>): RunningServer | undefined {
  const state = serverStateOf(join(dataDir, 'temporal', 'temporal.db'));
  return state.kind === 'none' ? undefined : state.server;
}

/**
 * Asks the Temporal that is in use, and starts none.
 * @returns undefined where none runs
 * @throws HeadgateError `ENGINE_UNAVAILABLE`
 */
export async function askRunningTemporal<T>(
  config: Config,
  ask: (client: Client) => Promise<T>,
): Promise<T | undefined> {
  return withRunningTemporal(config, (client) => askTemporal(client, () => ask(client)));
}

/** The same for what may take long. */
export async function withRunningTemporal<T>(
  config: Config,
  work: (client: Client) => Promise<T>,
): Promise<T | undefined> {
  const place = placeOf(config);
  if (place === undefined) return undefined;
  const connection = await connectTemporal(place.connect);
  try {
    return await work(ownClient({ connection, namespace: place.namespace }));
  } finally {
    await connection.close();
  }
}

function placeOf(config: Config) {
  if (config.temporalAddress === undefined) {
    const server = runningServer(config);
    return server && { connect: { address: server.address }, namespace: config.temporalNamespace };
  }
  const { connect, namespace = config.temporalNamespace } = temporalFromEnvironment(config.temporalAddress);
  return { connect, namespace };
}
