import { createHash } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import type { Column } from '../../../events/columns.js';
import type { PromotedField } from '../../../events/promoted-field.js';
import { literalList } from '../sql.js';

/** `~` begins no load id, so no load's file is taken for a compacted one. */
const PREFIX = '~';

/** Begins the name of a file whose rows say whether they repeat source and id; those of version 0.1.0 say it of the id alone. */
const MARKED_PREFIX = '~k';

/** The name of a compacted file whose rows say whether they repeat: the key of its columns, then that of its inputs. */
const MARKED = /^~k([0-9a-f]{8})-[0-9a-f]{32}\.parquet$/;

/**
 * The column of a compacted file that is true for a row that repeats another, by its key (`KEY_COLUMNS`), in the same file or
 * in one that was compacted before. Over all compacted files, no key has more than one row for which it is false. What it
 * says counts in a file that {@link isMarked}.
 */
export const REPEATED = '_repeated';

/** What a load's file says about itself, or a compacted file about it. */
export interface HeldFile {
  readonly path: string;
  readonly loadId: string;
  readonly batchIds: readonly string[];
  readonly rows: number;
  readonly bytes: number;
  /** By batch, the lines of it that could not be loaded, as `LineSet` encodes them; absent where there are none. */
  readonly leftOut?: Readonly<Record<string, string>>;
}

/** What a compacted file says, in its key-value metadata, about each load's file that it replaces. */
interface Part {
  readonly file: string;
  readonly load_id: string;
  /** How many of the compacted file's `batch_ids`, which are in the order of the parts, are this one's. */
  readonly batches: number;
  readonly rows: number;
  readonly bytes: number;
  readonly left_out?: HeldFile['leftOut'];
}

/** The metadata of a compacted file. */
export interface CompactedMetadata {
  readonly batch_ids: string;
  readonly parts: string;
  /** Names of the compacted files that it replaces; missing in those of earlier versions. */
  readonly replaces?: string;
}

/** True for a file that holds the rows of several loads' files of its directory, which it replaces. */
export function isCompacted(path: string): boolean {
  return basename(path).startsWith(PREFIX);
}

/** True for a compacted file that has the column {@link REPEATED}; those of earlier versions have none, or one of another meaning. */
export function isMarked(path: string): boolean {
  return MARKED.test(basename(path));
}

/** What files of the same columns have in common; only of a file that {@link isMarked}. It is known without opening the file. */
export function columnsKeyOf(path: string): string {
  return MARKED.exec(basename(path))?.[1] ?? '';
}

/**
 * The name of a compacted file, the same for the same columns and inputs. No file of this name was there before: inputs
 * that were replaced do not come again.
 */
export function compactedName(
  columns: readonly Column[],
  promoted: readonly PromotedField[],
  inputs: readonly string[],
): string {
  const typed = columns.map(({ name, type }) => `${name} ${type}`);
  const fields = promoted.map(({ column, path }) => `${column} ${JSON.stringify(path)}`);
  const files = inputs.map((path) => basename(path)).join('\n');
  const key = digest([...typed, ...fields].join('\n')).slice(0, 8);
  return `${MARKED_PREFIX}${key}-${digest(files).slice(0, 32)}.parquet`;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/**
 * The metadata that makes a compacted file answer for its parts: `batch_ids` as in a load's own file, so that a reader
 * that knows nothing of compaction finds each batch, and `parts`.
 * @param replaces the compacted files that it replaces
 */
export function compactedMetadata(
  parts: readonly HeldFile[],
  replaces: readonly string[],
): Required<CompactedMetadata> {
  const described = parts.map(({ path, loadId, batchIds, rows, bytes, leftOut }): Part => ({
    file: basename(path),
    load_id: loadId,
    batches: batchIds.length,
    rows,
    bytes,
    ...(leftOut && { left_out: leftOut }),
  }));
  return {
    batch_ids: JSON.stringify(parts.flatMap((part) => part.batchIds)),
    parts: JSON.stringify(described),
    replaces: JSON.stringify(replaces.map((path) => basename(path))),
  };
}

/** The loads' files that a compacted file replaces, as they were; they may be gone. */
export function partsOf(path: string, metadata: CompactedMetadata): HeldFile[] {
  const batchIds = JSON.parse(metadata.batch_ids) as string[];
  let taken = 0;
  return (JSON.parse(metadata.parts) as Part[]).map(({ file, load_id, batches, rows, bytes, left_out }) => ({
    path: join(dirname(path), file),
    loadId: load_id,
    rows,
    bytes,
    ...(left_out && { leftOut: left_out }),
    batchIds: batchIds.slice(taken, (taken += batches)),
  }));
}

/** The compacted files that a compacted file replaces; they may be gone. */
export function replacedBy(path: string, metadata: CompactedMetadata): string[] {
  return (JSON.parse(metadata.replaces ?? '[]') as string[]).map((name) => join(dirname(path), name));
}

/**
 * The files to read of those listed: without the ones that a compacted file among them replaces, which are kept for a
 * while for queries that have begun before. Each row is in one of the files that are left. Only directories in which
 * something can be replaced are looked into: a file that is alone is the one to read.
 * @param query runs SQL and gives the rows
 */
export async function liveFiles(
  query: (sql: string) => Promise<unknown[][]>,
  paths: readonly string[],
): Promise<string[]> {
  const inDirectory = new Map<string, number>();
  for (const path of paths) inDirectory.set(dirname(path), (inDirectory.get(dirname(path)) ?? 0) + 1);
  const compacted = paths.filter((path) => isCompacted(path) && (inDirectory.get(dirname(path)) ?? 0) > 1);
  if (compacted.length === 0) return [...paths];
  const rows = await query(
    `SELECT file_name, decode(key), decode(value) FROM parquet_kv_metadata(${literalList(compacted)})
     WHERE decode(key) IN ('parts', 'replaces')`,
  );
  const replaced = new Set(
    rows.flatMap(([path, key, value]) => {
      const listed = JSON.parse(String(value)) as (string | Part)[];
      const names = key === 'parts' ? (listed as Part[]).map(({ file }) => file) : (listed as string[]);
      return names.map((name) => join(dirname(String(path)), name));
    }),
  );
  return paths.filter((path) => !replaced.has(path));
}

/**
 * By batch, the lines that could not be loaded, as `LineSet` encodes them: what loads' files say of themselves, and compacted
 * files of those they replace.
 * @param query runs SQL and gives the rows
 */
export async function leftOutIn(
  query: (sql: string) => Promise<unknown[][]>,
  paths: readonly string[],
): Promise<Map<string, string>> {
  if (paths.length === 0) return new Map();
  const rows = await query(
    `SELECT decode(key), decode(value) FROM parquet_kv_metadata(${literalList(paths)})
     WHERE decode(key) IN ('left_out', 'parts')`,
  );
  const found = rows.flatMap(([key, value]) => {
    const said = JSON.parse(String(value)) as HeldFile['leftOut'] | Part[];
    return key === 'parts' ? (said as Part[]).map(({ left_out }) => left_out) : [said as HeldFile['leftOut']];
  });
  return new Map(found.flatMap((leftOut = {}) => Object.entries(leftOut)));
}
