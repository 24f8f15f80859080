import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { writeDurably } from '../../../durable-file.js';
import { HeadgateError, messageOf, systemCodeOf } from '../../../errors.js';
import { faultPoint } from '../../../fault-point.js';
import { lockDirectory } from '../../../process-lock.js';
import type { Table } from '../columns.js';
import { columnsOf, TABLES } from '../columns.js';
import { compactedMetadata, compactedName, isCompacted } from './compacted-file.js';
import type { Engine, EngineOptions } from '../engine.js';
import { createEngine } from '../engine.js';
import { dayOfFile, listFiles, removeLeftovers, tableDirectory, tenantDirectory } from './files.js';
import type { HeldFile, Ledger } from './ledger.js';
import { createLedger } from './ledger.js';
import { promotedMember, readTableFiles, rowsOf, type TableFiles } from './promotions.js';
import { identifier, literal } from '../sql.js';

const DAY_MS = 24 * 60 * 60 * 1000;

/** Bytes that one compacted file replaces at most: big enough to scan fast, small enough to be made in seconds. */
const MAX_BYTES = 256 * 1024 * 1024;

/** Batches that one compacted file holds at most: their ids are in its footer, which every reader of it reads. */
const MAX_BATCHES = 50_000;

const NOTHING: CompactionResult = { written: 0, replaced: 0, removed: 0, kept: 0 };

/** One compaction of a tenant's warehouse. */
export interface CompactionInput extends EngineOptions {
  /** The directory above all tenants' directories. */
  readonly root: string;
  readonly tenant: string;
  /** Only days (UTC) that ended at least this long ago, in milliseconds: loads come into younger ones. */
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
  /** Files of loads that these hold. */
  readonly replaced: number;
  /** Replaced files removed: by this compaction or by earlier ones, longer ago than the grace. */
  readonly removed: number;
  /** Replaced files that are kept until a later compaction. */
  readonly kept: number;
}

/**
 * Replaces the small files of past days, in each table, by few that hold the same rows and answer for the same batches.
 *
 * A compacted file appears complete, by a rename, and names what it replaces; from then on Headgate's own readers pass
 * over those. They are removed by a compaction that finds the file older than the grace. A crash at any point leaves
 * files that the next compaction goes on with: it takes no file that is replaced already, and removes what still is.
 * Rows keep their order within a batch. Within a process, one compaction of a tenant may run at a time. Loads need not stop: they write files of their own names, which are not reused.
 * @throws HeadgateError `TENANT_ID_INVALID`, `COMPACTION_RUNNING` (in another process), `DISK_FULL`, `WAREHOUSE_FAILED`
 */
export async function compactTenant(input: CompactionInput): Promise<CompactionResult> {
  const tenantDir = tenantDirectory(resolve(input.root), input.tenant);
  if (!existsSync(tenantDir)) return NOTHING;
  // Two at once could each put the same file into another compacted one.
  const unlock = lockDirectory(
    join(tenantDir, 'compaction'),
    (pid) => new HeadgateError('COMPACTION_RUNNING', `Process ${pid} compacts the files of ${input.tenant}.`),
  );
  const engine = createEngine(input);
  try {
    const results: CompactionResult[] = [];
    for (const table of TABLES) results.push(await compactTable(input, table, engine));
    return results.reduce(add, NOTHING);
  } catch (error) {
    throw compactionError(input.tenant, error);
  } finally {
    await engine.close();
    unlock();
  }
}

async function compactTable(input: CompactionInput, table: Table, engine: Engine): Promise<CompactionResult> {
  const { tenant, now = Date.now() } = input;
  const root = resolve(input.root);
  const ledger = createLedger(engine);
  await removeLeftovers(tableDirectory(root, tenant, table), now);
  const past = (await listFiles(root, tenant, table)).filter(
    (path) => Date.parse(dayOfFile(path)) + DAY_MS + input.olderThanMs <= now,
  );
  const replaced = new Set((await ledger.read(past.filter(isCompacted))).map((part) => part.path));
  const groups = groupsOf(
    await ledger.read(past.filter((path) => !isCompacted(path) && !replaced.has(path))),
  );
  for (const group of groups) await writeCompacted(group, table, engine);
  const compacted = (await listFiles(root, tenant, table)).filter(isCompacted);
  const { removed, kept } = await removeReplaced(
    compacted,
    ledger,
    (input.now ?? Date.now()) - input.graceMs,
  );
  return { written: groups.length, replaced: groups.flat().length, removed, kept };
}

/** The files of each day, in the order of their names, in groups of two and more that make one file each. */
function groupsOf(files: readonly HeldFile[]): HeldFile[][] {
  const groups: HeldFile[][] = [];
  let bytes = 0;
  let batches = 0;
  for (const file of [...files].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    // What somebody else has put here is theirs.
    if (file.batchIds.length === 0) continue;
    bytes += file.bytes;
    batches += file.batchIds.length;
    const group = groups.at(-1);
    const sameDay = group !== undefined && dirname(group[0]!.path) === dirname(file.path);
    if (sameDay && bytes <= MAX_BYTES && batches <= MAX_BATCHES) {
      group.push(file);
      continue;
    }
    groups.push([file]);
    bytes = file.bytes;
    batches = file.batchIds.length;
  }
  return groups.filter((group) => group.length > 1);
}

async function writeCompacted(parts: readonly HeldFile[], table: Table, engine: Engine): Promise<void> {
  const key = createHash('sha256').update(parts.map((part) => basename(part.path)).join('\n'));
  const path = join(dirname(parts[0]!.path), compactedName(key.digest('hex').slice(0, 32)));
  const expected = parts.reduce((sum, { rows }) => sum + rows, 0);
  await writeDurably(path, async (temporary) => {
    const { rowsChanged } = await engine.use(async (connection) => {
      const query = async (sql: string) => (await connection.runAndReadAll(sql)).getRowsJS();
      const paths = parts.map((part) => part.path);
      return connection.run(copyStatement(parts, await readTableFiles(query, paths), table, temporary));
    });
    if (rowsChanged !== expected)
      throw new Error(`${rowsChanged} rows were read from ${parts.length} files that have ${expected}`);
    faultPoint('compact-rename.before');
  });
  faultPoint('compact-rename.after');
}

function copyStatement(parts: readonly HeldFile[], files: TableFiles, table: Table, target: string): string {
  const columns = columnsOf(table, files.promoted).map(({ name }) => identifier(name));
  const { batch_ids: batchIds, parts: described } = compactedMetadata(parts);
  // The rows of each file in their order: DuckDB keeps the order it reads in.
  return `COPY (
    SELECT ${columns.join(', ')} FROM (${rowsOf(table, files)})
  ) TO ${literal(target)} (FORMAT parquet, COMPRESSION zstd,
    KV_METADATA {batch_ids: ${literal(batchIds)}, parts: ${literal(described)}${promotedMember(files.promoted)}})`;
}

async function removeReplaced(compacted: readonly string[], ledger: Ledger, madeBefore: number) {
  let removed = 0;
  let kept = 0;
  for (const path of compacted) {
    const old = (await stat(path)).mtimeMs <= madeBefore;
    for (const part of await ledger.read([path])) {
      const size = await sizeOf(part.path);
      if (size === undefined) continue;
      // No load takes the name of a file that was replaced; if something has, it is not for us to remove.
      if (!old || size !== part.bytes) {
        kept += 1;
        continue;
      }
      faultPoint('compact-delete.before');
      await rm(part.path, { force: true });
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
