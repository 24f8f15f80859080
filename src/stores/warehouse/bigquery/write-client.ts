import type * as Storage from '@google-cloud/bigquery-storage';
import type { AuthClient } from 'google-auth-library';
import { LRUCache } from 'lru-cache';
import type { BigQueryConfig } from '../../../tenants/config/warehouse-config.js';
import { storageHost } from './endpoints.js';
import { refused } from './errors.js';

/** Most accounts that a process writes as at once, each with a connection of its own. */
const MAX_CLIENTS = 50;

type Options = ConstructorParameters<typeof Storage.managedwriter.WriterClient>[0];

/** The Storage Write API with the credentials of a tenant. */
export interface WriteClient {
  readonly library: typeof Storage;
  /** Requests with one answer. */
  readonly calls: Storage.v1.BigQueryWriteClient;
  /** A client for the connections of one load, which share what `calls` has; to be closed. */
  forLoad(): Storage.managedwriter.WriterClient;
}

/** Clients by project, account and endpoint, made when they are first needed. */
export interface WriteClients {
  of(config: BigQueryConfig, auth: AuthClient): Promise<WriteClient>;
  close(): Promise<void>;
}

interface Kept {
  readonly auth: AuthClient;
  readonly client: Promise<WriteClient>;
}

/** Where BigQuery's APIs are, if not at Google's. */
export interface WriteEndpoints {
  /** URL of an emulator of the REST API. */
  readonly endpoint?: string;
  /** `host:port` of an emulator of the Storage Write API, in plain text. */
  readonly storageEndpoint?: string;
}

/** See {@link WriteClients}. */
export function createWriteClients({ endpoint, storageEndpoint }: WriteEndpoints): WriteClients {
  const closing = new Set<Promise<void>>();
  const kept = new LRUCache<string, Kept>({
    max: MAX_CLIENTS,
    dispose: ({ client }) => {
      const closed = client.then(({ calls }) => calls.close()).catch(() => undefined);
      closing.add(closed);
      void closed.then(() => closing.delete(closed));
    },
  });

  return {
    of: async (config, auth) => {
      if (endpoint !== undefined && storageEndpoint === undefined)
        throw refused(
          `BigQuery is an emulator at ${endpoint}, which Google's Storage Write API knows nothing of: set HEADGATE_BIGQUERY_STORAGE_ENDPOINT to the emulator's host:port for gRPC.`,
        );
      const key = JSON.stringify([config.project, config.impersonate, storageHost(config)]);
      const there = kept.get(key);
      // Credentials that were refused have been got anew.
      if (there?.auth === auth) return there.client;
      const client = open(config, auth, storageEndpoint);
      kept.set(key, { auth, client });
      try {
        return await client;
      } catch (error) {
        kept.delete(key);
        throw error;
      }
    },
    close: async () => {
      kept.clear();
      await Promise.all(closing);
    },
  };
}

async function open(
  config: BigQueryConfig,
  auth: AuthClient,
  storageEndpoint?: string,
): Promise<WriteClient> {
  // With its first client it takes 0.7 s and 45 MB, which only those need pay who use it.
  const library = await import('@google-cloud/bigquery-storage');
  // The library has a google-auth-library of its own, whose types are not the same as ours.
  const options = {
    projectId: config.project,
    authClient: auth,
    ...(storageEndpoint === undefined
      ? { servicePath: storageHost(config) }
      : await emulator(storageEndpoint)),
  } as unknown as Options;
  const { WriterClient } = library.managedwriter;
  const calls = new WriterClient(options).getClient();
  return {
    library,
    calls,
    forLoad: () => {
      // One for each load: it keeps every connection that it has ever had.
      const client = new WriterClient(options);
      client.setClient(calls);
      return client;
    },
  };
}

async function emulator(address: string): Promise<object> {
  const { grpc } = await import('google-gax');
  const [apiEndpoint, port] = address.split(':');
  return { apiEndpoint, port: Number(port), sslCreds: grpc.credentials.createInsecure() };
}
