import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NativeConnection } from '@temporalio/worker';
import { HeadgateError, messageOf } from '../errors.js';
import type { Logger } from '../platform/logger.js';
import { connectTemporal, temporalFromEnvironment } from './connect.js';
import { startDevServer, type DevServer } from './dev-server/dev-server.js';
import type { DevServerExit, DevServerOptions } from './dev-server/dev-server-arguments.js';
import { ensureTemporalBinary } from './dev-server/find-server.js';
import { SEARCH_ATTRIBUTES } from '../tenants/search-attributes.js';
import { prepareNamespace } from './namespace.js';
import { SECOND_MS } from '../platform/time.js';

/** Pauses between attempts to bring a server back; the last one is repeated. */
const RESTART_PAUSES_MS = [0, 1 * SECOND_MS, 5 * SECOND_MS, 15 * SECOND_MS];

/** What {@link openTemporal} needs of the configuration, by the same names; a `Config` can be passed as it is. */
export interface OpenTemporalOptions {
  /** `TEMPORAL_ADDRESS`: the Temporal to use. Without it Headgate runs one of its own. */
  readonly temporalAddress?: string;
  readonly temporalNamespace: string;
  /** `TEMPORAL_UI_URL`: where the UI of that Temporal is. */
  readonly temporalUiUrl?: string;
  /** `HEADGATE_TEMPORAL_CLI`: the binary of our own server. */
  readonly temporalCli?: string;
  readonly temporalPort: number;
  readonly temporalUiPort: number;
  /** `HEADGATE_TEMPORAL_UI`: whether our own server has a UI. Default `on`. */
  readonly temporalUi?: 'on' | 'off';
  /** `PATH`. */
  readonly path: string;
  readonly cacheDir: string;
  /** The database of our own server is `<dataDir>/temporal/temporal.db`. */
  readonly dataDir: string;
  /** Called with a line of text at every step that takes time. */
  readonly onProgress?: (message: string) => void;
  /** Says when our own server was lost, and is back. */
  readonly log?: Pick<Logger, 'info' | 'error'>;
  /** Ends the download or build of a server. */
  readonly signal?: AbortSignal;
}

/** A Temporal that is ready for Headgate. */
export interface Temporal {
  /** For the Client and all Workers of this process. */
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly address: string;
  /** Base URL of the UI, where known. */
  readonly uiUrl?: string;
  /** True when Headgate runs the server itself, in this process or in another on the same data directory. */
  readonly ownServer: boolean;
  /** Closes the connection, then stops the server if this process started it. Workers must have been stopped before. */
  close(): Promise<void>;
}

/**
 * Connects to the Temporal of `TEMPORAL_ADDRESS`, or else finds, starts and connects to a server of our own, and
 * prepares its namespace. A server of our own that dies is started again; connections find it automatically.
 * @throws HeadgateError `TEMPORAL_NOT_FOUND`, `TEMPORAL_START_FAILED`, `PORT_IN_USE`, `ENGINE_UNAVAILABLE`,
 * `SEARCH_ATTRIBUTES_MISSING`, `CONFIG_INVALID`
 */
export async function openTemporal(options: OpenTemporalOptions): Promise<Temporal> {
  return options.temporalAddress === undefined
    ? openOwn(options)
    : openGiven(options, options.temporalAddress);
}

async function openGiven(options: OpenTemporalOptions, address: string): Promise<Temporal> {
  const environment = temporalFromEnvironment(address);
  const namespace = environment.namespace ?? options.temporalNamespace;
  const connection = await connectTemporal(environment.connect);
  const uiUrl = options.temporalUiUrl;
  await prepareOrClose(connection, namespace, false);
  return { connection, namespace, address, uiUrl, ownServer: false, close: () => connection.close() };
}

async function openOwn(options: OpenTemporalOptions): Promise<Temporal> {
  const { cacheDir, temporalCli, path, onProgress, log, signal, temporalNamespace: namespace } = options;
  const binary = await ensureTemporalBinary({
    env: { explicitPath: temporalCli, path },
    cacheDir,
    onProgress,
    signal,
  });
  const keeper = new ServerKeeper({ ...serverOptions(options), binary }, log);
  const { address, uiUrl } = await keeper.start();
  try {
    // Compressing what never leaves the machine only costs time.
    const connection = await connectTemporal({ address, grpcCompression: { codec: 'none' } });
    await prepareOrClose(connection, namespace, true);
    const close = async () => {
      await connection.close();
      await keeper.stop();
    };
    return { connection, namespace, address, uiUrl: options.temporalUiUrl ?? uiUrl, ownServer: true, close };
  } catch (error) {
    await keeper.stop();
    throw error;
  }
}

function serverOptions(options: OpenTemporalOptions): Omit<DevServerOptions, 'binary'> {
  const folder = join(options.dataDir, 'temporal');
  return {
    dbFile: join(folder, 'temporal.db'),
    logFile: join(folder, 'temporal.log'),
    port: options.temporalPort,
    uiPort: options.temporalUi === 'off' ? undefined : options.temporalUiPort,
    namespace: options.temporalNamespace,
    searchAttributes: Object.fromEntries(SEARCH_ATTRIBUTES.map((name) => [name, 'Keyword'])),
  };
}

async function prepareOrClose(
  connection: NativeConnection,
  namespace: string,
  ownServer: boolean,
): Promise<void> {
  try {
    await prepareNamespace(connection, namespace, { ownServer });
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** Keeps our own server running: one that dies is started again on the same ports and database. */
class ServerKeeper {
  private server?: DevServer;
  private restart?: Promise<void>;
  private readonly stopped = new AbortController();

  constructor(
    private readonly options: DevServerOptions,
    private readonly log?: Pick<Logger, 'info' | 'error'>,
  ) {}

  async start(): Promise<DevServer> {
    const onExit = (exit: DevServerExit) => {
      this.restart = this.bringBack(exit);
    };
    this.server = await startDevServer({ ...this.options, onExit });
    return this.server;
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    await this.restart;
    await this.server?.stop();
  }

  private async bringBack({ code, signal, log }: DevServerExit): Promise<void> {
    this.log?.error('TEMPORAL_SERVER_ENDED', { exitCode: code ?? signal, message: log });
    for (let attempt = 0; !this.stopped.signal.aborted; attempt += 1) {
      const pause = RESTART_PAUSES_MS[Math.min(attempt, RESTART_PAUSES_MS.length - 1)];
      // Rejects when told to stop; the loop's condition sees to it.
      await sleep(pause, undefined, { signal: this.stopped.signal }).catch(() => {});
      if (this.stopped.signal.aborted) return;
      try {
        await this.start();
        this.log?.info('TEMPORAL_SERVER_BACK');
        return;
      } catch (error) {
        const code = error instanceof HeadgateError ? error.code : undefined;
        this.log?.error('TEMPORAL_SERVER_NOT_STARTED', { code, reason: messageOf(error) });
      }
    }
  }
}
