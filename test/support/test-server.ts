import { mkdirSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../bench/system/free-port.js';
import { startDevServer } from '../../src/temporal/dev-server/dev-server.js';
import { prepareNamespaces } from './namespaces.js';
import { temporalBinary, type TestServer } from './temporal.js';

/** Namespaces that are ready and not taken yet; the server works a tenth of a second on one, and waits for two. */
const AHEAD = 8;
const LOOK_EVERY_MS = 100;

/** A server that is up, and what ends it. */
export interface RunningTestServer {
  readonly server: TestServer;
  stop(): Promise<void>;
}

/** Starts one Temporal development server for a test run, and keeps namespaces ready in it. */
export async function startTestServer(): Promise<RunningTestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-test-'));
  const [ready, taken] = [join(folder, 'ready'), join(folder, 'taken')];
  for (const each of [ready, taken]) mkdirSync(each);
  const running = await startDevServer({
    binary: await temporalBinary(),
    dbFile: join(folder, 'temporal.db'),
    logFile: join(folder, 'temporal.log'),
    port: await freePort(),
    uiPort: await freePort(),
    namespace: 'default',
    onExit: ({ log }) => console.error(`The test run's Temporal server has died:\n${log}`),
  });
  const server = { address: running.address, uiUrl: running.uiUrl!, ready, taken };
  const stopping = new AbortController();
  const supplying = supplyNamespaces(server, stopping.signal);
  return {
    server,
    stop: async () => {
      stopping.abort();
      await supplying;
      await running.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function supplyNamespaces({ address, ready, taken }: TestServer, signal: AbortSignal): Promise<void> {
  let prepared = 0;
  while (!signal.aborted) {
    const missing = readdirSync(taken).length + AHEAD - prepared;
    const names = Array.from({ length: Math.max(0, missing) }, () => `test-${prepared++}`);
    await prepareNamespaces(address, names);
    for (const name of names) mkdirSync(join(ready, name));
    await sleep(LOOK_EVERY_MS);
  }
}
