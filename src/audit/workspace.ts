import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { HeadgateError, messageOf } from '../errors.js';
import { DuckDBInstance } from '../stores/warehouse/duckdb.js';
import { engineSettings, SET_UTC } from '../stores/warehouse/engine.js';

/** A DuckDB for one audit: its tables are in a temporary directory, so that memory stays bounded however many ids there are. */
export interface Workspace {
  /** The temporary directory, for files of the audit's own. */
  readonly directory: string;
  /** Runs a statement. */
  run(sql: string, values?: readonly string[]): Promise<void>;
  /** Runs a query and gives its rows. */
  rows(sql: string): Promise<unknown[][]>;
  /** Runs a query that gives one whole number. */
  count(sql: string): Promise<number>;
}

/**
 * Lends a workspace, and removes it afterwards. It is made under the system's temporary directory (`TMPDIR`) and takes
 * about as much room as the ids have bytes.
 * @throws HeadgateError `WAREHOUSE_FAILED` with DuckDB's message: a file cannot be read, or there is no room
 */
export async function withWorkspace<T>(work: (workspace: Workspace) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'headgate-audit-'));
  try {
    const settings = { ...engineSettings({}), temp_directory: join(directory, 'spilled') };
    const instance = await DuckDBInstance.create(join(directory, 'audit.duckdb'), settings);
    try {
      const connection = await instance.connect();
      await connection.run(SET_UTC);
      return await work(over(connection, directory));
    } finally {
      instance.closeSync();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function over(connection: DuckDBConnection, directory: string): Workspace {
  const rows = async (sql: string): Promise<unknown[][]> => {
    const reader = await explained(() => connection.runAndReadAll(sql));
    return reader.getRowsJS();
  };
  return {
    directory,
    run: async (sql, values = []) => void (await explained(() => connection.run(sql, [...values]))),
    rows,
    count: async (sql) => Number((await rows(sql))[0]?.[0] ?? 0),
  };
}

async function explained<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw new HeadgateError('WAREHOUSE_FAILED', `The audit cannot go on: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
