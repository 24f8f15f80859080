import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../bench/system/free-port.js';
import { startDevServer } from '../../src/engine/dev-server.js';
import { prepareNamespaces } from './namespaces.js';
import { namespaceName, temporalBinary, type TestServer } from './temporal.js';

/** More than the test files and nodes of a whole run need together. */
const NAMESPACES = 120;

/** A server that is up, and what ends it. */
export interface RunningTestServer {
  readonly server: TestServer;
  stop(): Promise<void>;
}

/** Starts one Temporal development server for a test run, with its namespaces ready. */
export async function startTestServer(): Promise<RunningTestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-test-'));
  const taken = join(folder, 'taken');
  await mkdir(taken);
  const server = await startDevServer({
    binary: await temporalBinary(),
    dbFile: join(folder, 'temporal.db'),
    logFile: join(folder, 'temporal.log'),
    port: await freePort(),
    uiPort: await freePort(),
    namespace: 'default',
    onExit: ({ log }) => console.error(`The test run's Temporal server has died:\n${log}`),
  });
  const names = Array.from({ length: NAMESPACES }, (_, n) => namespaceName(n));
  await prepareNamespaces(server.address, names);
  return {
    server: { address: server.address, uiUrl: server.uiUrl, taken, namespaces: NAMESPACES },
    stop: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
