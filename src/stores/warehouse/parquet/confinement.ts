import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { DuckDBInstance } from '@duckdb/node-api';
import { TABLES } from '../columns.js';
import { liveFiles } from './compacted-file.js';
import { engineSettings, SET_UTC } from '../engine.js';
import { listFiles } from './files.js';
import { readTableFiles } from './promotions.js';
import { literalList } from '../sql.js';
import { latestView, tableView } from './views.js';

/** Whose warehouse to read. */
export interface TenantWarehouse {
  /** The directory above all tenants' directories. */
  readonly root: string;
  readonly tenant: string;
}

/** Whose warehouse to read, and what may be written. */
export interface Confinement extends TenantWarehouse {
  /** The one file, besides those of the views, that can be opened: a result is written there. Default none. */
  readonly output?: string;
}

/**
 * Lends a connection on which one tenant's views are all there is. Locked in this order: the views, the very files
 * they read (each by name: a directory would let a symbolic link in it lead out), no other file or network, no more
 * changes to settings. What could still write, to those same files, is refused by `readableStatement`.
 * @throws HeadgateError `TENANT_ID_INVALID`
 */
export async function withConfined<T>(
  { root, tenant, output }: Confinement,
  work: (connection: DuckDBConnection) => Promise<T>,
): Promise<T> {
  const files = new Map<string, string[]>();
  for (const table of TABLES) files.set(table, await listFiles(resolve(root), tenant, table));
  const spillDir = await mkdtemp(join(tmpdir(), 'headgate-query-'));
  try {
    const instance = await DuckDBInstance.create(':memory:', {
      ...engineSettings({}),
      temp_directory: spillDir,
    });
    try {
      const connection = await instance.connect();
      await connection.run(SET_UTC);
      for (const table of TABLES) {
        const query = async (sql: string) => (await connection.runAndReadAll(sql)).getRowsJS();
        const live = await liveFiles(query, files.get(table) ?? []);
        files.set(table, live);
        const tableFiles = await readTableFiles(query, live);
        await connection.run(tableView(table, tableFiles));
        if (table === 'user_properties') await connection.run(latestView(tableFiles));
      }
      const outputs = output === undefined ? [] : [output];
      await lock(connection, [...[...files.values()].flat(), ...outputs]);
      return await work(connection);
    } finally {
      instance.closeSync();
    }
  } finally {
    await rm(spillDir, { recursive: true, force: true });
  }
}

async function lock(connection: DuckDBConnection, files: readonly string[]): Promise<void> {
  await connection.run(`SET GLOBAL allowed_paths = ${literalList(files)}`);
  await connection.run('SET GLOBAL enable_external_access = false');
  await connection.run('SET GLOBAL lock_configuration = true');
}
