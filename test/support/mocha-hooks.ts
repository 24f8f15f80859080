import { noteCpu } from './cpu-notes.js';
import type { RunningTestServer } from './test-server.js';
import { FILE_NAMESPACE_VARIABLE, TEST_SERVER_VARIABLE } from './variables.js';

/**
 * What mocha loads in every process that runs tests. It imports what a test needs of Temporal only in runs that have a
 * server, since that alone takes a second.
 */

let running: RunningTestServer | undefined;

/**
 * Mocha calls this once, in its main process: starts the run's Temporal server. `HEADGATE_TEST_TEMPORAL=off` leaves it
 * out, as scripts/test.mjs does for files that need none.
 */
export async function mochaGlobalSetup(): Promise<void> {
  if (process.env.HEADGATE_TEST_TEMPORAL === 'off') return;
  const { startTestServer } = await import('./test-server.js');
  running = await startTestServer();
  // Worker processes are started afterwards, and inherit it.
  process.env[TEST_SERVER_VARIABLE] = JSON.stringify(running.server);
}

/** Mocha calls this once after all tests, in its main process. */
export async function mochaGlobalTeardown(): Promise<void> {
  if (running === undefined) return;
  const { endRuntime } = await import('./temporal.js');
  await endRuntime();
  await running.stop();
}

/** Around each file, where files run in parallel; around all of them, where they do not. */
export const mochaHooks = {
  beforeAll(): void {
    delete process.env[FILE_NAMESPACE_VARIABLE];
  },
  afterAll(this: Mocha.Context): void {
    noteCpu(this.test?.parent?.suites[0]?.file);
  },
};
