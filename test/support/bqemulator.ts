import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../bench/system/free-port.js';
import { PROJECT } from './bigquery.js';
import { until } from './until.js';

/** A bqemulator of a test's own: it keeps to the offsets and the commits of the Storage Write API, as goccy's does not. */
export interface WriteEmulator {
  /** URL of its REST API. */
  readonly endpoint: string;
  /** `host:port` of its Storage Write API. */
  readonly storageEndpoint: string;
  /** The rows that a query gives, every value as text. */
  rows(sql: string): Promise<(string | null)[][]>;
  stop(): Promise<void>;
}

/** The binary of bqemulator that tests are to use: `HEADGATE_TEST_BQEMULATOR`. */
const BQEMULATOR = process.env.HEADGATE_TEST_BQEMULATOR;

/** Skips a suite, saying why, unless there is an emulator; to be called in a hook before all. */
export function skipWithoutBqemulator(context: Mocha.Context): void {
  if (BQEMULATOR !== undefined) return;
  console.log('      skipped: set HEADGATE_TEST_BQEMULATOR to the path of bqemulator 1.4.0');
  context.skip();
}

interface QueryAnswer {
  readonly rows?: readonly { readonly f: readonly { readonly v: string | null }[] }[];
}

/** Starts the emulator on free ports of this machine; it keeps all in memory. */
export async function startBqemulator(): Promise<WriteEmulator> {
  const dir = await mkdtemp(join(tmpdir(), 'headgate-bqemulator-'));
  const [port, grpcPort] = [await freePort(), await freePort()];
  const server = spawn(
    BQEMULATOR as string,
    [
      'start',
      '--ephemeral',
      '--project',
      PROJECT,
      '--log-level',
      'critical',
      '--rest-host',
      '127.0.0.1',
      '--rest-port',
      String(port),
      '--grpc-host',
      '127.0.0.1',
      '--grpc-port',
      String(grpcPort),
    ],
    // DuckDB's extensions are below the home directory.
    { stdio: 'ignore', cwd: dir, env: { PATH: process.env.PATH, HOME: homedir() } },
  );
  const endpoint = `http://127.0.0.1:${port}`;
  await until(async () => (await fetch(`${endpoint}/readyz`)).ok, 60_000);
  return {
    endpoint,
    storageEndpoint: `127.0.0.1:${grpcPort}`,
    rows: async (query) => {
      const answer = await fetch(`${endpoint}/bigquery/v2/projects/${PROJECT}/queries`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query, useLegacySql: false }),
      });
      if (!answer.ok) throw new Error(`${query}: ${answer.status} ${await answer.text()}`);
      const { rows = [] } = (await answer.json()) as QueryAnswer;
      return rows.map(({ f }) => f.map(({ v }) => v));
    },
    stop: async () => {
      await stop(server);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function stop(server: ChildProcess): Promise<void> {
  const ended = once(server, 'exit');
  if (server.exitCode === null && server.kill('SIGKILL')) await ended;
}
