/**
 * What mocha loads in every process that runs tests. It imports what a test needs of Temporal only in runs that have a
 * server, since that alone takes a second. No TypeScript: mocha would load that as a CommonJS module, and with it a
 * second copy of what tests import.
 */
import { noteCpu } from './cpu-notes.ts';
import { FILE_NAMESPACE_VARIABLE, TEST_SERVER_VARIABLE } from './variables.ts';

let running;

/** A rejection that nobody awaits ends Headgate, and mocha lets the test pass: findings/mocha-lost-rejection.sh. */
function fail(reason) {
  throw reason;
}

/**
 * Mocha calls this once, in its main process: starts the run's Temporal server. `HEADGATE_TEST_TEMPORAL=off` leaves it
 * out, as scripts/test.mjs does for files that need none.
 */
export async function mochaGlobalSetup() {
  if (process.env.HEADGATE_TEST_TEMPORAL === 'off') return;
  const { startTestServer } = await import('./test-server.ts');
  running = await startTestServer();
  // Worker processes are started afterwards, and inherit it.
  process.env[TEST_SERVER_VARIABLE] = JSON.stringify(running.server);
}

/** Mocha calls this once after all tests, in its main process. */
export async function mochaGlobalTeardown() {
  if (running === undefined) return;
  const { endRuntime } = await import('./temporal.ts');
  await endRuntime();
  await running.stop();
}

/** By their names, files that use Temporal. */
const WITH_SERVER = /\.(temporal|e2e|crash)\.test\.ts$/;

/** Around each file, where files run in parallel; around all of them, where they do not. */
export const mochaHooks = {
  async beforeAll() {
    // A worker process of mocha removes it after each file.
    process.off('unhandledRejection', fail).on('unhandledRejection', fail);
    delete process.env[FILE_NAMESPACE_VARIABLE];
    const { suites } = this.test.parent;
    if (process.env[TEST_SERVER_VARIABLE] === undefined) return;
    if (!suites.some(({ file }) => WITH_SERVER.test(file))) return;
    const { newNamespace } = await import('./temporal.ts');
    process.env[FILE_NAMESPACE_VARIABLE] = await newNamespace();
  },
  afterAll() {
    noteCpu(this.test?.parent?.suites[0]?.file);
  },
};
