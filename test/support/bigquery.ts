import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../bench/system/free-port.js';
import type { Table } from '../../src/events/columns.js';
import { until } from './until.js';

/** The project that the emulator has. */
export const PROJECT = 'headgate-test';

/** A bigquery-emulator of a test's own. */
export interface Emulator {
  readonly endpoint: string;
  /** `host:port` of its Storage Write API, which shows rows before they are committed and takes no heed of offsets. */
  readonly storageEndpoint: string;
  /** Asks its REST API, `/bigquery/v2/projects/<project>/<path>`. */
  ask<T>(path: string, method?: 'GET' | 'POST' | 'DELETE', body?: object): Promise<T>;
  /** The rows that a query gives, every value as text. */
  rows(sql: string): Promise<(string | null)[][]>;
  stop(): Promise<void>;
}

/** The binary of bigquery-emulator that tests are to use: `HEADGATE_TEST_BIGQUERY`. */
const BIGQUERY_EMULATOR = process.env.HEADGATE_TEST_BIGQUERY;

/** Skips a suite, saying why, unless there is an emulator; to be called in a hook before all. */
export function skipWithoutBigQuery(context: Mocha.Context): void {
  if (BIGQUERY_EMULATOR !== undefined) return;
  console.log(
    '      skipped: set HEADGATE_TEST_BIGQUERY to what `node scripts/bigquery-emulator.mjs` has built',
  );
  context.skip();
}

/**
 * Starts the emulator on free ports, with a database of its own.
 * @param storage URL of an emulator of Cloud Storage that it is to load from
 */
export async function startBigQuery(storage?: string): Promise<Emulator> {
  const dir = await mkdtemp(join(tmpdir(), 'headgate-bigquery-'));
  const [port, grpcPort] = [await freePort(), await freePort()];
  const args = ['--project', PROJECT, '--host', '127.0.0.1', '--port', String(port)];
  const server = spawn(
    BIGQUERY_EMULATOR as string,
    [...args, '--grpc-port', String(grpcPort), '--database', join(dir, 'database')],
    {
      // It logs every 404 as an error, and those are how one finds out that something is not there yet.
      stdio: 'ignore',
      env: { PATH: process.env.PATH, HOME: dir, ...(storage && { STORAGE_EMULATOR_HOST: storage }) },
    },
  );
  const endpoint = `http://127.0.0.1:${port}`;
  const ask: Emulator['ask'] = async <T>(path: string, method = 'GET', body?: object): Promise<T> => {
    const answer = await fetch(`${endpoint}/bigquery/v2/projects/${PROJECT}/${path}`, {
      method,
      ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  };
  await until(() => ask('datasets'), 20_000);
  return {
    endpoint,
    storageEndpoint: `127.0.0.1:${grpcPort}`,
    ask,
    rows: async (query) => {
      const { rows = [] } = await ask<QueryAnswer>('queries', 'POST', { query, useLegacySql: false });
      return rows.map(({ f }) => f.map(({ v }) => v));
    },
    stop: async () => {
      await stop(server);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

interface QueryAnswer {
  readonly rows?: readonly { readonly f: readonly { readonly v: string | null }[] }[];
}

/** How often a tenant's table has each id, by id: the view that shows each once is left aside. */
export async function countIds(
  emulator: Emulator,
  dataset: string,
  table: Table = 'events',
): Promise<Map<string, number>> {
  const { datasets = [] } = await emulator.ask<{ datasets?: { datasetReference: { datasetId: string } }[] }>(
    'datasets',
  );
  if (!datasets.some(({ datasetReference }) => datasetReference.datasetId === dataset)) return new Map();
  const rows = await emulator.rows(`SELECT id, count(*) FROM \`${PROJECT}.${dataset}.${table}\` GROUP BY id`);
  return new Map(rows.map(([id, count]) => [String(id), Number(count)]));
}

async function stop(server: ChildProcess): Promise<void> {
  const ended = once(server, 'exit');
  if (server.exitCode === null && server.kill('SIGKILL')) await ended;
}
