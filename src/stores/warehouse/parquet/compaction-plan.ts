import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Table } from '../../../events/columns.js';
import { TABLES } from '../../../events/columns.js';
import { columnsKeyOf, isCompacted, isMarked } from './compacted-file.js';
import { dayOfFile, listFiles } from './files.js';
import type { StoredFile } from './ledger.js';
import { heldOf, type HeldField } from './promotions.js';
import { systemCodeOf } from '../../../errors.js';
import { DAY_MS } from '../../../platform/time.js';

/** Bytes that one compacted file replaces at most: big enough to scan fast, small enough to be made in seconds. */
const MAX_BYTES = 256 * 1024 * 1024;

/** Batches that one compacted file holds at most: their ids are in its footer, which every reader of it reads. */
const MAX_BATCHES = 50_000;

/** Rows that one compacted file holds at most: 16 bytes for each are kept while they are compared. */
const MAX_ROWS = 4_000_000;

/** Files that a day under way must have to give, so that a quiet tenant's are not made anew for a few. */
const MIN_FILES_OF_OPEN_DAY = 16;

/** Which files may be compacted. */
export interface CompactionAge {
  /**
   * Milliseconds: of a day (UTC) that ended this long ago, all files; of a younger one those of loads that were written
   * that long ago.
   */
  readonly olderThanMs: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** A day's directory in which there is something to do. */
export interface DayFiles {
  /** True when it ended long enough ago: few loads come into it any more. */
  readonly over: boolean;
  /** Its files, replaced ones as well. */
  readonly paths: readonly string[];
}

/**
 * The days of a table in which there seems to be something to do, oldest first, by names and times alone.
 * @param fill compacted files are known to lack a column; else it is told by their names whether they have the same
 */
export async function daysToCompact(
  paths: readonly string[],
  age: CompactionAge,
  fill = false,
): Promise<DayFiles[]> {
  const byDay = new Map<string, string[]>();
  for (const path of paths) {
    const ofDay = byDay.get(dirname(path));
    if (ofDay) ofDay.push(path);
    else byDay.set(dirname(path), [path]);
  }
  // Compacted files do not have the same columns: a field was promoted since some were written.
  const unlike = fill || new Set(paths.filter(isMarked).map(columnsKeyOf)).size > 1;
  const days: DayFiles[] = [];
  for (const ofDay of byDay.values()) {
    const over = Date.parse(dayOfFile(ofDay[0]!)) + DAY_MS + age.olderThanMs <= age.now;
    if ((over && unlike) || (await hasWork(ofDay, over, age))) days.push({ over, paths: ofDay });
  }
  return days;
}

/** True when a compaction of this tenant would find something to do; opens no file. */
export async function needsCompaction(root: string, tenant: string, age: CompactionAge): Promise<boolean> {
  for (const table of TABLES) if ((await listToCompact(root, tenant, table, age)).length > 0) return true;
  return false;
}

async function listToCompact(root: string, tenant: string, table: Table, age: CompactionAge) {
  return daysToCompact(await listFiles(root, tenant, table), age);
}

async function hasWork(ofDay: readonly string[], over: boolean, age: CompactionAge): Promise<boolean> {
  if (over) return ofDay.length > 1 || !isMarked(ofDay[0]!);
  const old = (await olderThan(ofDay, age)).length;
  return old >= MIN_FILES_OF_OPEN_DAY || (old > 0 && ofDay.some(isCompacted));
}

/** Those of these loads' files that were written long enough ago. */
async function olderThan(paths: readonly string[], { olderThanMs, now }: CompactionAge): Promise<string[]> {
  const old: string[] = [];
  for (const path of paths)
    if (!isCompacted(path) && (await writtenAt(path)) + olderThanMs <= now) old.push(path);
  return old;
}

async function writtenAt(path: string): Promise<number> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    // Somebody has just removed it: too young for us.
    if (systemCodeOf(error) === 'ENOENT') return Number.POSITIVE_INFINITY;
    throw error;
  }
}

/**
 * The files of a day that make one file each.
 * @param live its files, without replaced ones
 * @param promoted the promoted fields of the table; a file that lacks one is made anew once its day is over
 */
export async function groupsOf(
  { over }: DayFiles,
  live: readonly StoredFile[],
  age: CompactionAge,
  promoted: readonly HeldField[],
): Promise<StoredFile[][]> {
  // What somebody else has put here is theirs.
  const ours = live.filter(({ holds }) => holds.some(({ batchIds }) => batchIds.length > 0));
  const isDone = (file: StoredFile): boolean =>
    isMarked(file.path) && heldOf(file.promoted, promoted).length === promoted.length;
  if (over) return packed(ours).filter((group) => group.length > 1 || !isDone(group[0]!));
  const old = new Set(
    await olderThan(
      ours.map(({ path }) => path),
      age,
    ),
  );
  if (old.size < MIN_FILES_OF_OPEN_DAY) return [];
  return packed(ours.filter(({ path }) => old.has(path))).filter((group) => group.length > 1);
}

/** Files in the order of their names, as many to a group as its bounds let. */
function packed(files: readonly StoredFile[]): StoredFile[][] {
  const groups: StoredFile[][] = [];
  let [bytes, rows, batches] = [0, 0, 0];
  for (const file of [...files].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    const held = file.holds.reduce((sum, { batchIds }) => sum + batchIds.length, 0);
    bytes += file.bytes;
    rows += file.rows;
    batches += held;
    const group = groups.at(-1);
    if (group && bytes <= MAX_BYTES && rows <= MAX_ROWS && batches <= MAX_BATCHES) {
      group.push(file);
      continue;
    }
    groups.push([file]);
    [bytes, rows, batches] = [file.bytes, file.rows, held];
  }
  return groups;
}
