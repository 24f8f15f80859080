import { setTimeout as sleep } from 'node:timers/promises';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection, type NativeConnectionOptions } from '@temporalio/worker';
import { HeadgateError, messageOf } from '../errors.js';

/** Where a Temporal is and what it takes to be accepted. */
export type ConnectOptions = Pick<
  NativeConnectionOptions,
  'tls' | 'apiKey' | 'metadata' | 'grpcCompression'
> & {
  /** `host:port`. */
  readonly address: string;
};

/** A Temporal as the environment names it. */
export interface TemporalFromEnvironment {
  readonly connect: ConnectOptions;
  readonly namespace?: string;
}

/**
 * Reads the settings of the connection as all Temporal SDKs do: `TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`,
 * `TEMPORAL_API_KEY`, `TEMPORAL_TLS*`, `TEMPORAL_GRPC_META_*`, and the profile `TEMPORAL_PROFILE` of the file
 * `TEMPORAL_CONFIG_FILE`. For a Temporal of our own they are never read: an API key meant for elsewhere would turn TLS on.
 * @see https://docs.temporal.io/develop/environment-configuration
 * @throws HeadgateError `CONFIG_INVALID`: a file they name cannot be read
 */
export function temporalFromEnvironment(address: string): TemporalFromEnvironment {
  try {
    const { connectionOptions, namespace } = loadClientConnectConfig();
    return { connect: { ...connectionOptions, address }, namespace };
  } catch (error) {
    throw new HeadgateError('CONFIG_INVALID', `The TEMPORAL_* settings are not usable: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** How long a Temporal may take to accept a connection; the SDK itself would wait for a silent address without end. */
const CONNECT_WITHIN_MS = 15_000;

/**
 * Connects to a Temporal. One connection per process serves the Client and all Workers: eager workflow starts need both
 * on the same one. It reconnects automatically.
 * @throws HeadgateError `ENGINE_UNAVAILABLE` (retryable), naming the address
 */
export async function connectTemporal(options: ConnectOptions): Promise<NativeConnection> {
  try {
    return await withinTime(NativeConnection.connect(options));
  } catch (error) {
    throw new HeadgateError(
      'ENGINE_UNAVAILABLE',
      `Temporal at ${options.address} cannot be reached: ${messageOf(error)}`,
      { retryable: true, cause: error, details: { address: options.address } },
    );
  }
}

async function withinTime(connecting: Promise<NativeConnection>): Promise<NativeConnection> {
  const late = new AbortController();
  const limit = sleep(CONNECT_WITHIN_MS, undefined, { signal: late.signal }).then(() => {
    // One that comes too late is not left open.
    connecting.then((connection) => connection.close()).catch(() => {});
    throw new Error(`no answer within ${CONNECT_WITHIN_MS / 1000} s`);
  });
  // Also ends by being called off, below.
  limit.catch(() => {});
  try {
    return await Promise.race([connecting, limit]);
  } finally {
    late.abort();
  }
}
