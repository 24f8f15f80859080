import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../../src/config.js';
import { ensureTemporalBinary } from '../../src/temporal/dev-server/find-server.js';
import { installRuntime } from '../../src/temporal/runtime.js';
import { systemCodeOf } from '../../src/errors.js';
import { createLogger } from '../../src/platform/logger.js';
import { until } from './until.js';
import { FILE_NAMESPACE_VARIABLE, TEST_SERVER_VARIABLE } from './variables.js';

/** The Temporal server of a test run, as the processes that run test files know it. */
export interface TestServer {
  /** `host:port`. */
  readonly address: string;
  readonly uiUrl: string;
  /** Has an empty directory for each namespace that is ready, by its name. */
  readonly ready: string;
  /** Has one for each that has been taken. */
  readonly taken: string;
}

/** The namespace of the test file that runs; no other file's workflows and Workers are in it. */
export function testNamespace(): string {
  const namespace = process.env[FILE_NAMESPACE_VARIABLE];
  if (namespace === undefined) throw noServer();
  return namespace;
}

/** More than the server needs to prepare one, whatever else the machine has to do. */
const READY_WITHIN_MS = 60_000;

/** Takes a namespace that nobody has used: for a node, since a namespace belongs to one data directory. */
export function newNamespace(): Promise<string> {
  const { ready, taken } = testServer();
  return until(() => {
    const free = readdirSync(ready).find((name) => take(join(taken, name)));
    if (free === undefined) throw new Error('no namespace is ready');
    return free;
  }, READY_WITHIN_MS);
}

/** Making a directory is atomic, whatever other processes of the run do. */
function take(directory: string): boolean {
  try {
    mkdirSync(directory);
    return true;
  } catch (error) {
    if (systemCodeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** The address of a workflow's page in a UI at `http://127.0.0.1:1`, in this file's namespace, up to `id` of its id. */
export function uiPage(id: string): RegExp {
  return new RegExp(`^http://127\\.0\\.0\\.1:1/namespaces/${testNamespace()}/workflows/${id}`);
}

/** `host:port` of the run's Temporal server. */
export function temporalAddress(): string {
  quietRuntime();
  return testServer().address;
}

/** Base URL of the UI of the run's Temporal server. */
export function temporalUiUrl(): string {
  return testServer().uiUrl;
}

function testServer(): TestServer {
  const given = process.env[TEST_SERVER_VARIABLE];
  if (given === undefined) throw noServer();
  return JSON.parse(given) as TestServer;
}

function noServer(): Error {
  return new Error('There is no Temporal server for files named x.test.ts; see CONTRIBUTING.md.');
}

let shutdownRuntime: (() => Promise<void>) | undefined;

/** Temporal's SDK would write a line for every step of every Worker. */
function quietRuntime(): void {
  shutdownRuntime ??= installRuntime(createLogger('silent'));
}

/** Ends the SDK's runtime, which keeps a process alive. */
export async function endRuntime(): Promise<void> {
  await shutdownRuntime?.();
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
