import type { Dirent } from 'node:fs';
import { lstat, readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { TEMPORARY } from '../../../platform/durable-file.js';
import { systemCodeOf } from '../../../errors.js';
import { assertTenantId } from '../../../tenants/ids.js';
import type { Table } from '../../../events/columns.js';
import { HOUR_MS } from '../../../platform/time.js';

const DAY_PREFIX = 'day=';
const PARQUET = '.parquet';

/** The file that marks a day whose retention is over: readers pass over the day from then on. */
export const EXPIRED = '.expired';

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
  return dayOfDirectory(dirname(path));
}

/** The day (`YYYY-MM-DD`) of a directory. */
export function dayOfDirectory(directory: string): string {
  return basename(directory).slice(DAY_PREFIX.length);
}

/** The name of a load's file. A load id takes a second file only when a reset workflow gave it more batches than before. */
export function fileName(loadId: string, part: number): string {
  // `~` cannot be in a load id, so no other load can have this name.
  return part === 1 ? `${loadId}${PARQUET}` : `${loadId}~${part}${PARQUET}`;
}

/**
 * The complete Parquet files of a table that are to be read, oldest day first, as absolute paths: those of expired days
 * are not, see {@link listStored}.
 */
export async function listFiles(root: string, tenant: string, table: Table): Promise<string[]> {
  const files: string[] = [];
  for (const directory of await dayDirectories(root, tenant, table)) {
    const entries = await entriesOf(directory);
    if (!isMarkedExpired(entries)) files.push(...parquetIn(directory, entries));
  }
  return files;
}

/**
 * The same with those of days that have expired and are about to be deleted.
 * @param fromDay only days from this one on
 */
export async function listStored(
  root: string,
  tenant: string,
  table: Table,
  fromDay = '',
): Promise<string[]> {
  const files: string[] = [];
  for (const directory of await dayDirectories(root, tenant, table))
    if (basename(directory) >= DAY_PREFIX + fromDay)
      files.push(...parquetIn(directory, await entriesOf(directory)));
  return files;
}

/**
 * The directories of a table's days, oldest first. Symbolic links are passed over at every level below the root: what
 * they point at is not this tenant's.
 */
export async function dayDirectories(root: string, tenant: string, table: Table): Promise<string[]> {
  const tableDir = tableDirectory(root, tenant, table);
  if (!(await isDirectory(dirname(tableDir))) || !(await isDirectory(tableDir))) return [];
  return (await listDays(tableDir)).map((day) => dayDirectory(tableDir, day));
}

/** True for the entries of a day's directory that is marked by {@link EXPIRED}. */
export function isMarkedExpired(entries: readonly Dirent[]): boolean {
  return entries.some((entry) => entry.name === EXPIRED);
}

/** The complete Parquet files beside this one, and this one itself if it is still there. */
export async function filesOfDay(path: string): Promise<string[]> {
  return parquetIn(dirname(path), await entriesOf(dirname(path)));
}

function parquetIn(directory: string, entries: readonly Dirent[]): string[] {
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(PARQUET))
    .map((entry) => join(directory, entry.name));
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
export async function entriesOf(directory: string): Promise<Dirent[]> {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw error;
  }
}
