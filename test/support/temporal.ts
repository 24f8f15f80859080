import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../bench/system/free-port.js';
import { loadConfig } from '../../src/config.js';
import { SEARCH_ATTRIBUTES } from '../../src/search-attributes.js';
import { startDevServer, type DevServer } from '../../src/engine/dev-server.js';
import { ensureTemporalBinary } from '../../src/engine/find-server.js';
import { installRuntime } from '../../src/engine/runtime.js';
import { createLogger } from '../../src/observability/logger.js';

/** The namespace of the run's server; it has Headgate's search attributes. */
export const TEST_NAMESPACE = 'default';

interface Run {
  readonly shutdownRuntime: () => Promise<void>;
  readonly server: DevServer;
  readonly folder: string;
}

let run: Run | undefined;

/**
 * Mocha calls this once before all tests: starts one Temporal development server for the run. `HEADGATE_TEST_TEMPORAL`
 * set to `off` leaves it out, for tests that need none.
 */
export async function mochaGlobalSetup(): Promise<void> {
  if (process.env.HEADGATE_TEST_TEMPORAL === 'off') return;
  // Temporal's SDK would tell every step of every Worker.
  const shutdownRuntime = installRuntime(createLogger('silent'));
  const folder = await mkdtemp(join(tmpdir(), 'headgate-test-'));
  const server = await startDevServer({
    binary: await temporalBinary(),
    dbFile: join(folder, 'temporal.db'),
    logFile: join(folder, 'temporal.log'),
    port: await freePort(),
    uiPort: await freePort(),
    namespace: TEST_NAMESPACE,
    searchAttributes: Object.fromEntries(SEARCH_ATTRIBUTES.map((name) => [name, 'Keyword'])),
    onExit: ({ log }) => console.error(`The test run's Temporal server has died:\n${log}`),
  });
  run = { shutdownRuntime, server, folder };
}

/** Mocha calls this once after all tests: stops the server and removes what it wrote. */
export async function mochaGlobalTeardown(): Promise<void> {
  if (run === undefined) return;
  // Until then it keeps the process alive.
  await run.shutdownRuntime();
  await run.server.stop();
  await rm(run.folder, { recursive: true, force: true });
}

/** `host:port` of the run's Temporal server. */
export function temporalAddress(): string {
  if (run === undefined) throw new Error('This run has no Temporal server (HEADGATE_TEST_TEMPORAL=off?).');
  return run.server.address;
}

/** Base URL of the UI of the run's Temporal server. */
export function temporalUiUrl(): string {
  temporalAddress();
  return (run as Run).server.uiUrl;
}

/** The `temporal` binary, found as Headgate finds it. */
export function temporalBinary(): Promise<string> {
  const { temporalCli, path, cacheDir } = loadConfig();
  return ensureTemporalBinary({
    env: { explicitPath: temporalCli, path },
    cacheDir,
    onProgress: (message) => console.error(message),
  });
}
