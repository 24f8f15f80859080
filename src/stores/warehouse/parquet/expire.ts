import { rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { systemCodeOf } from '../../../errors.js';
import { TABLES } from '../../../events/columns.js';
import { dayDirectories, dayOfDirectory, entriesOf, EXPIRED, isMarkedExpired } from './files.js';
import { DAY_MS, HOUR_MS } from '../../../platform/time.js';

/** What of a tenant's warehouse is kept. */
export interface ExpiryInput {
  /** The directory above all tenants' directories. */
  readonly root: string;
  readonly tenant: string;
  /** How long a day is kept from its end, in milliseconds. */
  readonly retentionMs: number;
  /** How long an expired day's files are still there for queries that have begun before, in milliseconds. Default an hour. */
  readonly graceMs?: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** What has become of days whose retention is over, each table's counted. */
export interface Expired {
  /** Days that are not read any more from now on. */
  readonly marked: number;
  /** Days that were deleted. */
  readonly deleted: number;
  /** Files that were in those. */
  readonly files: number;
}

/**
 * Deletes the days (of loads, UTC) whose retention is over, in two steps: a day is marked, from when on nobody begins to
 * read it, and its files are deleted by a later call. The mark goes last, so that a crash brings nothing back; a day that
 * has not expired after all, since the retention was made longer, loses its mark. Nothing outside of the tenant's
 * directories is touched: symbolic links are deleted, and not followed.
 *
 * Batches of these days must not be announced any more, as the files say which batches have been loaded.
 * @throws HeadgateError `TENANT_ID_INVALID`
 */
export async function expireDays({
  root,
  tenant,
  retentionMs,
  graceMs = HOUR_MS,
  now,
}: ExpiryInput): Promise<Expired> {
  let [marked, deleted, files] = [0, 0, 0];
  for (const table of TABLES) {
    for (const directory of await dayDirectories(resolve(root), tenant, table)) {
      const mark = join(directory, EXPIRED);
      // False for what is not a date.
      const expired = Date.parse(dayOfDirectory(directory)) + DAY_MS + retentionMs <= now;
      const isMarked = isMarkedExpired(await entriesOf(directory));
      if (expired && !isMarked) {
        await writeFile(mark, '');
        marked += 1;
      } else if (!expired && isMarked) {
        await rm(mark, { force: true });
      } else if (expired && (await isOlder(mark, now - graceMs))) {
        files += await deleteDay(directory, mark);
        deleted += 1;
      }
    }
  }
  return { marked, deleted, files };
}

async function isOlder(mark: string, than: number): Promise<boolean> {
  try {
    return (await stat(mark)).mtimeMs <= than;
  } catch (error) {
    // Another process has just deleted the day.
    if (systemCodeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

async function deleteDay(directory: string, mark: string): Promise<number> {
  let files = 0;
  for (const entry of await entriesOf(directory)) {
    if (entry.isDirectory() || entry.name === EXPIRED) continue;
    await rm(join(directory, entry.name), { force: true });
    files += 1;
  }
  await rm(mark, { force: true });
  // Not empty where somebody has put a directory, or where a load has just written: that is looked at the next time.
  await rmdir(directory).catch(() => undefined);
  return files;
}
