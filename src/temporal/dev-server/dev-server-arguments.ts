/** How a server ended that was not told to. */
export interface DevServerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last lines of its log. */
  readonly log: string;
}

/** A development server to run. */
export interface DevServerOptions {
  /** The `temporal` binary. */
  readonly binary: string;
  /** Its SQLite database; created if it is not there. At most one server runs on a file. */
  readonly dbFile: string;
  /** Address it listens on. Default `127.0.0.1`: it has no authentication, so keep it there. */
  readonly host?: string;
  readonly port: number;
  /** Default: no UI. */
  readonly uiPort?: number;
  readonly namespace: string;
  /** Gets what the server writes, warnings and errors. */
  readonly logFile: string;
  /** Custom search attributes and their types. */
  readonly searchAttributes?: Readonly<Record<string, 'Keyword'>>;
  /** Called when the server ends without having been told to. */
  readonly onExit?: (exit: DevServerExit) => void;
}

/**
 * Settings of the development server. Its limits are made for trying things out; ours are set where Temporal's are
 * not what should slow a tenant down.
 */
const DYNAMIC_CONFIG: Readonly<Record<string, number | boolean | string>> = {
  // Nobody may ask its HTTP API, which asks nobody who they are and which the command line cannot turn off: no `Host` is
  // right. A page in a browser on this machine could use it else. Headgate and the UI speak gRPC.
  'frontend.httpAllowedHosts': '[]',
  // Long polls at once: one per tenant queue and kind. The default of 1,200 caps the tenants at as many.
  'frontend.namespaceCount': 20_000,
  'frontend.rps': 100_000,
  'frontend.namespaceRPS': 100_000,
  'matching.rps': 100_000,
  'history.rps': 100_000,
  // One partition a queue costs 0.3 MB instead of 1.0 MB, and makes a queue's rate limit exact.
  'matching.numTaskqueueReadPartitions': 1,
  'matching.numTaskqueueWritePartitions': 1,
  // The matcher that knows priorities: what a subscription's queue hands out first. Temporal's default from 1.31 on.
  'matching.useNewMatcher': true,
  // The CLI turns this on, and then every start of a workflow with search attributes reads them from the database:
  // 158-184 starts/s instead of 240. Ours are known before the first start, see namespace.ts.
  'system.forceSearchAttributesCacheRefreshOnRead': false,
};

/**
 * WAL, and a flush to disk per commit: the spool lets go of events as soon as Temporal says it has their batch, so
 * Temporal must not forget one at a power cut, as `synchronous=NORMAL` may.
 */
const SQLITE_PRAGMAS: Readonly<Record<string, string>> = { journal_mode: 'WAL', synchronous: 'FULL' };

/** The command line of Temporal's development server. */
export function devServerArguments(options: DevServerOptions): string[] {
  const { dbFile, host = '127.0.0.1', port, uiPort, namespace, searchAttributes = {} } = options;
  return [
    'server',
    'start-dev',
    '--log-level',
    'warn',
    '--color',
    'never',
    '--ip',
    host,
    '--port',
    String(port),
    ...(uiPort === undefined ? ['--headless'] : ['--ui-port', String(uiPort)]),
    '--namespace',
    namespace,
    '--db-filename',
    dbFile,
    ...settings('--sqlite-pragma', SQLITE_PRAGMAS),
    ...settings('--dynamic-config-value', DYNAMIC_CONFIG),
    ...settings('--search-attribute', searchAttributes),
  ];
}

function settings(flag: string, values: Readonly<Record<string, string | number | boolean>>): string[] {
  return Object.entries(values).flatMap(([key, value]) => [flag, `${key}=${value}`]);
}
