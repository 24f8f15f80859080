import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Table } from '../columns.js';
import { TABLES } from '../columns.js';
import { isCompacted, isMarked } from './compacted-file.js';
import { dayOfFile, listFiles } from './files.js';
import type { StoredFile } from './ledger.js';
import { systemCodeOf } from '../../../errors.js';

const DAY_MS = 24 * 60 * 60 * 1000;

/** Bytes that one compacted file replaces at most: big enough to scan fast, small enough to be made in seconds. */
const MAX_BYTES = 256 * 1024 * 1024;

/** Batches that one compacted file holds at most: their ids are in its footer, which every reader of it reads. */
const MAX_BATCHES = 50_000;

/** Rows that one compacted file holds at most: 16 bytes for each are kept while they are compared. */
const MAX_ROWS = 4_000_000;

/** Files that a day under way must have to give, so that a quiet tenant's are not made anew for a few. */
export const MIN_FILES_OF_OPEN_DAY = 16;

/** Which files may be compacted. */
export interface CompactionAge {
  /**
   * Milliseconds: of a day (UTC) that ended so long ago, all files; of a younger one those of loads that were written so
   * long ago.
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

/** The days of a table in which there seems to be something to do, oldest first, by names and times alone. */
export async function daysToCompact(paths: readonly string[], age: CompactionAge): Promise<DayFiles[]> {
  const byDay = new Map<string, string[]>();
  for (const path of paths) {
    const ofDay = byDay.get(dirname(path));
    if (ofDay) ofDay.push(path);
    else byDay.set(dirname(path), [path]);
  }
  const days: DayFiles[] = [];
  for (const ofDay of byDay.values()) {
    const over = Date.parse(dayOfFile(ofDay[0]!)) + DAY_MS + age.olderThanMs <= age.now;
    if (await hasWork(ofDay, over, age)) days.push({ over, paths: ofDay });
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

/** The files of a day that make one file each. @param live its files, without replaced ones */
export async function groupsOf(
  { over }: DayFiles,
  live: readonly StoredFile[],
  age: CompactionAge,
): Promise<StoredFile[][]> {
  // What somebody else has put here is theirs.
  const ours = live.filter(({ holds }) => holds.some(({ batchIds }) => batchIds.length > 0));
  if (over) return packed(ours).filter((group) => group.length > 1 || !isMarked(group[0]!.path));
  const old = new Set(
    await olderThan(
      ours.map(({ path }) => path),
      age,
    ),
  );
  if (old.size < MIN_FILES_OF_OPEN_DAY) return [];
  return packed(ours.filter(({ path }) => old.has(path))).filter((group) => group.length > 1);
}

/** Files of the same columns, in the order of their names, as many to a group as its bounds let. */
function packed(files: readonly StoredFile[]): StoredFile[][] {
  const alike = new Map<string, StoredFile[]>();
  for (const file of files) {
    const fields = JSON.stringify(file.promoted.map(({ column, path, type }) => [column, path, type]));
    alike.set(fields, [...(alike.get(fields) ?? []), file]);
  }
  return [...alike.values()].flatMap(packedAlike);
}

function packedAlike(files: readonly StoredFile[]): StoredFile[][] {
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
