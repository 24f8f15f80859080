import type { Dirent } from 'node:fs';
import { lstat, readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { TEMPORARY } from '../../../durable-file.js';
import { systemCodeOf } from '../../../errors.js';
import { assertTenantId } from '../../../tenant.js';
import type { Table } from '../columns.js';

const HOUR_MS = 60 * 60 * 1000;
const DAY_PREFIX = 'day=';
const PARQUET = '.parquet';

/** The directory of a tenant; the tenant id is checked here, where it becomes part of a path. */
export function tenantDirectory(root: string, tenant: string): string {
  return join(root, assertTenantId(tenant));
}

/** The directory of one of a tenant's tables. */
export function tableDirectory(root: string, tenant: string, table: Table): string {
  return join(tenantDirectory(root, tenant), table);
}

/** The directory of a table's day (`YYYY-MM-DD`). */
export function dayDirectory(tableDir: string, day: string): string {
  return join(tableDir, DAY_PREFIX + day);
}

/** The day (`YYYY-MM-DD`) whose directory a file is in. */
export function dayOfFile(path: string): string {
  return basename(dirname(path)).slice(DAY_PREFIX.length);
}

/** The name of a load's file. A load id takes a second file only when a reset workflow gave it more batches than before. */
export function fileName(loadId: string, part: number): string {
  // `~` cannot be in a load id, so no other load can have this name.
  return part === 1 ? `${loadId}${PARQUET}` : `${loadId}~${part}${PARQUET}`;
}

/**
 * The complete Parquet files of a table, oldest day first, as absolute paths.
 * Symbolic links are passed over at every level below the root: what they point at is not this tenant's.
 * @param fromDay only days from this one on
 */
export async function listFiles(root: string, tenant: string, table: Table, fromDay = ''): Promise<string[]> {
  const tableDir = tableDirectory(root, tenant, table);
  if (!(await isDirectory(dirname(tableDir))) || !(await isDirectory(tableDir))) return [];
  const files: string[] = [];
  for (const day of await listDays(tableDir)) {
    if (day < fromDay) continue;
    const directory = dayDirectory(tableDir, day);
    for (const entry of await entriesOf(directory)) {
      if (entry.isFile() && entry.name.endsWith(PARQUET)) files.push(join(directory, entry.name));
    }
  }
  return files;
}

/** Removes what crashed loads left half written in a table; younger than an hour, it may belong to a load under way elsewhere. */
export async function removeLeftovers(tableDir: string, now: number): Promise<void> {
  for (const day of await listDays(tableDir)) {
    const directory = dayDirectory(tableDir, day);
    for (const entry of await entriesOf(directory)) {
      if (!entry.isFile() || !entry.name.endsWith(TEMPORARY)) continue;
      const path = join(directory, entry.name);
      const { mtimeMs } = await stat(path);
      if (now - mtimeMs > HOUR_MS) await rm(path, { force: true });
    }
  }
}

async function listDays(tableDir: string): Promise<string[]> {
  return (await entriesOf(tableDir))
    .filter((entry) => entry.isDirectory() && entry.name.startsWith(DAY_PREFIX))
    .map((entry) => entry.name.slice(DAY_PREFIX.length))
    .sort();
}

/** True for a directory itself, not for a link to one. */
async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isDirectory();
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** A directory that is not there yet has no entries. */
async function entriesOf(directory: string): Promise<Dirent[]> {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw error;
  }
}
