import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Storage, type Bucket } from '@google-cloud/storage';
import { freePort } from '../../bench/system/free-port.js';
import { until } from './until.js';

/** A fake-gcs-server of a test's own, with one bucket. */
export interface FakeGcs {
  readonly endpoint: string;
  readonly bucket: Bucket;
  stop(): Promise<void>;
}

/** A part of a bucket that no other test uses. */
export interface FakeGcsPlace extends FakeGcs {
  readonly prefix: string;
}

/** The binary of fake-gcs-server that tests are to use: `HEADGATE_TEST_GCS`. */
const FAKE_GCS = process.env.HEADGATE_TEST_GCS;

/** Skips a suite, saying why, unless there is a fake-gcs-server; to be called in a hook before all. */
export function skipWithoutFakeGcs(context: Mocha.Context): void {
  if (FAKE_GCS !== undefined) return;
  console.log('      skipped: set HEADGATE_TEST_GCS to what `node scripts/fake-gcs.mjs` has built');
  context.skip();
}

/**
 * Starts the server, with everything in memory; on a free port by default.
 * @param location of its buckets
 */
export async function startFakeGcs(
  bucketName = 'headgate-test',
  givenPort?: number,
  location = 'US-CENTRAL1',
): Promise<FakeGcs> {
  const port = givenPort ?? (await freePort());
  const endpoint = `http://127.0.0.1:${port}`;
  const where = ['-scheme', 'http', '-host', '127.0.0.1', '-port', String(port), '-external-url', endpoint];
  const server = spawn(
    FAKE_GCS as string,
    [...where, '-backend', 'memory', '-location', location, '-log-level', 'error'],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  await until(() => fetch(`${endpoint}/storage/v1/b?project=test`), 10_000);
  const storage = new Storage({ apiEndpoint: endpoint, projectId: 'test' });
  const [bucket] = await storage.createBucket(bucketName);
  return { endpoint, bucket, stop: () => stop(server) };
}

/**
 * A server for a suite, and a prefix in its bucket for each test; skips the suite, saying why, where there is none.
 * @param name begins the prefixes
 * @returns the place of the test that runs
 */
export function useFakeGcs(name: string): () => FakeGcsPlace {
  let gcs: FakeGcs | undefined;
  let tests = 0;

  before(async function () {
    skipWithoutFakeGcs(this);
    gcs = await startFakeGcs();
  });
  beforeEach(() => {
    tests += 1;
  });
  after(() => gcs?.stop());

  return () => ({ ...(gcs as FakeGcs), prefix: `${name}/test-${tests}` });
}

async function stop(server: ChildProcess): Promise<void> {
  const ended = once(server, 'exit');
  if (server.exitCode === null && server.kill('SIGTERM')) await ended;
}
