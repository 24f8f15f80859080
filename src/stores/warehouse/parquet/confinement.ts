import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { DuckDBInstance } from '../duckdb.js';
import type { Table } from '../../../events/columns.js';
import { TABLES } from '../../../events/columns.js';
import { liveFiles } from './compacted-file.js';
import { engineSettings, SET_UTC } from '../engine.js';
import { listFiles } from './files.js';
import { readTableFiles, type TableFiles } from './promotions.js';
import { literalList } from '../sql.js';
import { auditLogView, latestView, tableView, usageView } from './views.js';

/** How often a directory whose files vanish is listed. */
const LISTINGS = 5;

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
  work: (connection: DuckDBConnection, views: TenantViews) => Promise<T>,
): Promise<T> {
  const spillDir = await mkdtemp(join(tmpdir(), 'headgate-query-'));
  try {
    const instance = await DuckDBInstance.create(':memory:', engineSettings({ spillDir }));
    try {
      const connection = await instance.connect();
      await connection.run(SET_UTC);
      const views = await tenantViews(connection, { root, tenant });
      for (const statement of views.statements) await connection.run(statement);
      const outputs = output === undefined ? [] : [output];
      await lock(connection, [...views.files, ...outputs]);
      return await work(connection, views);
    } finally {
      instance.closeSync();
    }
  } finally {
    await rm(spillDir, { recursive: true, force: true });
  }
}

/** The views of a tenant, as SQL for a DuckDB that can open files, and the files that they read. */
export interface TenantViews {
  readonly statements: readonly string[];
  readonly files: readonly string[];
}

/** The views as the files are now. @param connection reads what files say of themselves */
async function tenantViews(connection: DuckDBConnection, warehouse: TenantWarehouse): Promise<TenantViews> {
  const statements: string[] = [];
  const files: string[] = [];
  for (const table of TABLES) {
    const live = await liveTable(connection, warehouse, table);
    statements.push(tableView(table, live));
    if (table === 'user_properties') statements.push(latestView(live));
    files.push(...live.groups.flatMap((group) => group.files));
  }
  statements.push(usageView(), auditLogView());
  return { statements, files };
}

/** Lists again when a file that was listed is gone: a compaction, or the end of retention, has just removed it. */
async function liveTable(
  connection: DuckDBConnection,
  { root, tenant }: TenantWarehouse,
  table: Table,
): Promise<TableFiles> {
  const query = async (sql: string) => (await connection.runAndReadAll(sql)).getRowsJS();
  for (let attempt = 1; ; attempt += 1) {
    const listed = await listFiles(resolve(root), tenant, table);
    try {
      return await readTableFiles(query, await liveFiles(query, listed));
    } catch (error) {
      if (attempt === LISTINGS || listed.every((path) => existsSync(path))) throw error;
    }
  }
}

async function lock(connection: DuckDBConnection, files: readonly string[]): Promise<void> {
  await connection.run(`SET GLOBAL allowed_paths = ${literalList(files)}`);
  await connection.run('SET GLOBAL enable_external_access = false');
  await connection.run('SET GLOBAL lock_configuration = true');
}
