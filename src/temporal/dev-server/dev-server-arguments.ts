import type { DevServerOptions } from './dev-server.js';

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
    ...['server', 'start-dev', '--log-level', 'warn', '--color', 'never'],
    ...['--ip', host, '--port', String(port)],
    ...(uiPort === undefined ? ['--headless'] : ['--ui-port', String(uiPort)]),
    ...['--namespace', namespace, '--db-filename', dbFile],
    ...settings('--sqlite-pragma', SQLITE_PRAGMAS),
    ...settings('--dynamic-config-value', DYNAMIC_CONFIG),
    ...settings('--search-attribute', searchAttributes),
  ];
}

function settings(flag: string, values: Readonly<Record<string, string | number | boolean>>): string[] {
  return Object.entries(values).flatMap(([key, value]) => [flag, `${key}=${value}`]);
}
