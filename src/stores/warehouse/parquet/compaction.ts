import { existsSync } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { HeadgateError, messageOf, systemCodeOf } from '../../../errors.js';
import { faultPoint } from '../../../platform/fault-point.js';
import { describeOwner, lockFile } from '../../../platform/file-lock.js';
import { KeyedMutex } from '../../../platform/keyed-mutex.js';
import type { Table } from '../../../events/columns.js';
import { TABLES } from '../../../events/columns.js';
import { isCompacted, isMarked, liveFiles } from './compacted-file.js';
import type { CompactionAge, DayFiles } from './compaction-plan.js';
import { daysToCompact, groupsOf, needsCompaction } from './compaction-plan.js';
import type { Engine, EngineOptions } from '../engine.js';
import { createEngine } from '../engine.js';
import { filesOfDay, listFiles, removeLeftovers, tableDirectory, tenantDirectory } from './files.js';
import type { Ledger } from './ledger.js';
import { createLedger, replacedPaths } from './ledger.js';
import { readTableFiles } from './promotions.js';
import { writeCompacted } from './write-compacted.js';

const NOTHING: CompactionResult = {
  written: 0,
  replaced: 0,
  removed: 0,
  kept: 0,
  bytesWritten: 0,
  bytesReplaced: 0,
};

/** Compactions of a tenant take turns within this process; between processes there is the lock. */
const turns = new KeyedMutex();

/** One compaction of a tenant's warehouse. */
export interface CompactionInput extends EngineOptions {
  /** The directory above all tenants' directories. */
  readonly root: string;
  readonly tenant: string;
  /**
   * In milliseconds. Of days (UTC) that ended at least this long ago all files are compacted; of younger ones those that
   * were written at least this long ago, once there are some of them.
   */
  readonly olderThanMs: number;
  /**
   * How long replaced files are kept, in milliseconds, for queries that have begun before: a query that runs longer may
   * fail. Zero is for when nobody else reads; a reader could list a directory between the making and the removal.
   */
  readonly graceMs: number;
  /** The time now, in milliseconds since the epoch. Default the clock's. */
  readonly now?: number;
}

/** What a compaction has done. */
export interface CompactionResult {
  /** Compacted files written. */
  readonly written: number;
  /** Files that these hold: of loads, and of earlier compactions. */
  readonly replaced: number;
  /** Replaced files removed: by this compaction or by earlier ones, longer ago than the grace. */
  readonly removed: number;
  /** Replaced files that are kept until a later compaction. */
  readonly kept: number;
  /** Bytes of the files written. */
  readonly bytesWritten: number;
  /** Bytes of the files that these hold. */
  readonly bytesReplaced: number;
}

/**
 * Replaces small files, in each table, by few that hold the same rows and answer for the same batches. Each row then says
 * whether its id had been there before, so that readers need not compare ids. Fields that have been promoted since get their
 * columns, in the files of all days that are over.
 *
 * A compacted file appears complete, by a rename, and names what it replaces; from then on Headgate's own readers pass
 * over those. They are removed by a compaction that finds the file older than the grace. A crash at any point leaves
 * files that the next compaction goes on with: it takes no file that is replaced already, and removes what still is.
 * Rows keep their order within a batch. Loads need not stop: they write files of their own names, which are not reused.
 * The copy of an id that is shown is the one that was loaded first, but for loads that come into a day after copies in
 * later ones have been compacted: what is compacted already stays.
 * @throws HeadgateError `TENANT_ID_INVALID`, `COMPACTION_RUNNING` (in another process), `DISK_FULL`, `WAREHOUSE_FAILED`
 */
export async function compactTenant(input: CompactionInput): Promise<CompactionResult> {
  const root = resolve(input.root);
  const tenantDir = tenantDirectory(root, input.tenant);
  return turns.run(tenantDir, async () => {
    const age = { olderThanMs: input.olderThanMs, now: input.now ?? Date.now() };
    if (!existsSync(tenantDir) || !(await needsCompaction(root, input.tenant, age))) return NOTHING;
    // Two at once would not see each other's ids, and could each put the same file into another compacted one.
    const directory = join(tenantDir, 'compaction');
    const lock = await lockFile(join(directory, 'owner.json'), {
      held: (owner) =>
        new HeadgateError(
          'COMPACTION_RUNNING',
          `The files of ${input.tenant} are being compacted by ${describeOwner(owner)}.`,
        ),
    });
    try {
      return await compactLocked({ ...input, root, spillDir: join(directory, 'spill') }, age);
    } catch (error) {
      throw compactionError(input.tenant, error);
    } finally {
      lock.release();
    }
  });
}

async function compactLocked(
  input: CompactionInput & { readonly spillDir: string },
  age: CompactionAge,
): Promise<CompactionResult> {
  // What one that was killed has left.
  await rm(input.spillDir, { recursive: true, force: true });
  // One connection, since what is found out about ids is in temporary tables of it.
  const engine = createEngine({ ...input, connections: 1 });
  try {
    const results: CompactionResult[] = [];
    for (const table of TABLES) results.push(await compactTable(input, age, { table, engine }));
    return results.reduce(add, NOTHING);
  } finally {
    await engine.close();
    await rm(input.spillDir, { recursive: true, force: true });
  }
}

async function compactTable(
  { root, tenant, graceMs, now }: CompactionInput,
  age: CompactionAge,
  { table, engine }: { table: Table; engine: Engine },
): Promise<CompactionResult> {
  const ledger = createLedger(engine);
  await removeLeftovers(tableDirectory(root, tenant, table), age.now);
  const listed = await listFiles(root, tenant, table);
  let days = await daysToCompact(listed, age);
  const query = (sql: string) => engine.use(async (c) => (await c.runAndReadAll(sql)).getRowsJS());
  if (days.length === 0) return NOTHING;
  const live = await liveFiles(query, listed);
  const { promoted, groups } = await readTableFiles(query, live);
  if (groups.some(({ marked, held }) => marked && held.length < promoted.length))
    days = await daysToCompact(listed, age, true);
  let marked = live.filter(isMarked);
  let result = NOTHING;
  for (const day of days) {
    const together = await groupsOf(day, await ledger.live(day.paths), age, promoted);
    for (const group of together) {
      const path = await engine.use((c) => writeCompacted(c, { table, promoted, group, marked }));
      const gone = new Set(group.map((file) => file.path));
      marked = [...marked.filter((each) => !gone.has(each)), path];
      result = add(result, {
        ...NOTHING,
        written: 1,
        replaced: group.length,
        bytesWritten: (await stat(path)).size,
        bytesReplaced: group.reduce((sum, { bytes }) => sum + bytes, 0),
      });
    }
  }
  for (const day of days) {
    const removal = await removeReplaced(day, ledger, (now ?? Date.now()) - graceMs);
    result = add(result, { ...NOTHING, ...removal });
  }
  return result;
}

async function removeReplaced(day: DayFiles, ledger: Ledger, madeBefore: number) {
  let [removed, kept] = [0, 0];
  const paths = await filesOfDay(day.paths[0]!);
  const there = new Set(paths);
  for (const file of await ledger.live(paths.filter(isCompacted))) {
    const old = (await stat(file.path)).mtimeMs <= madeBefore;
    const bytesOf = new Map(file.holds.map(({ path, bytes }) => [path, bytes]));
    for (const path of replacedPaths(file).filter((each) => there.has(each))) {
      const size = await sizeOf(path);
      if (size === undefined) continue;
      // No load takes the name of a file that was replaced; if something has, it is not for us to remove.
      if (!old || size !== (bytesOf.get(path) ?? size)) {
        kept += 1;
        continue;
      }
      faultPoint('compact-delete.before');
      await rm(path, { force: true });
      faultPoint('compact-delete.after');
      removed += 1;
    }
  }
  return { removed, kept };
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function add(a: CompactionResult, b: CompactionResult): CompactionResult {
  return {
    written: a.written + b.written,
    replaced: a.replaced + b.replaced,
    removed: a.removed + b.removed,
    kept: a.kept + b.kept,
    bytesWritten: a.bytesWritten + b.bytesWritten,
    bytesReplaced: a.bytesReplaced + b.bytesReplaced,
  };
}

function compactionError(tenant: string, error: unknown): HeadgateError {
  if (error instanceof HeadgateError) return error;
  const full = systemCodeOf(error) === 'ENOSPC' || messageOf(error).includes('No space left on device');
  return full
    ? new HeadgateError('DISK_FULL', 'The warehouse has no room left.', { retryable: true, cause: error })
    : new HeadgateError('WAREHOUSE_FAILED', `The compaction of ${tenant} failed: ${messageOf(error)}`, {
        retryable: true,
        cause: error,
      });
}
