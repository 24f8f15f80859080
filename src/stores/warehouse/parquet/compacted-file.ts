import { basename, dirname, join } from 'node:path';
import type { HeldFile } from './ledger.js';
import { literalList } from '../sql.js';

/** `~` begins no load id, so no load's file is taken for a compacted one. */
const PREFIX = '~';

/** What a compacted file says, in its key-value metadata, about each file that it replaces. */
interface Part {
  readonly file: string;
  readonly load_id: string;
  /** How many of the compacted file's `batch_ids`, which are in the order of the parts, are this one's. */
  readonly batches: number;
  readonly rows: number;
  readonly bytes: number;
  readonly left_out?: HeldFile['leftOut'];
}

/** True for a file that holds the rows of several loads' files of its directory, which it replaces. */
export function isCompacted(path: string): boolean {
  return basename(path).startsWith(PREFIX);
}

/** The name of a compacted file. @param key `[A-Za-z0-9]+`, the same for the same parts */
export function compactedName(key: string): string {
  return `${PREFIX}${key}.parquet`;
}

/**
 * The metadata that makes a compacted file answer for its parts: `batch_ids` as in a load's own file, so that a reader
 * that knows nothing of compaction finds each batch, and `parts`.
 */
export function compactedMetadata(parts: readonly HeldFile[]): { batch_ids: string; parts: string } {
  const described = parts.map(({ path, loadId, batchIds, rows, bytes, leftOut }): Part => ({
    ...{ file: basename(path), load_id: loadId, batches: batchIds.length },
    ...{ rows, bytes, ...(leftOut && { left_out: leftOut }) },
  }));
  return {
    batch_ids: JSON.stringify(parts.flatMap((part) => part.batchIds)),
    parts: JSON.stringify(described),
  };
}

/** The files that a compacted file replaces, as they were; they may be gone. */
export function partsOf(path: string, metadata: { batch_ids: string; parts: string }): HeldFile[] {
  const batchIds = JSON.parse(metadata.batch_ids) as string[];
  let taken = 0;
  return (JSON.parse(metadata.parts) as Part[]).map(({ file, load_id, batches, rows, bytes, left_out }) => ({
    ...{
      path: join(dirname(path), file),
      loadId: load_id,
      rows,
      bytes,
      ...(left_out && { leftOut: left_out }),
    },
    batchIds: batchIds.slice(taken, (taken += batches)),
  }));
}

/**
 * The files to read of those listed: without the ones that a compacted file among them replaces, which are kept for a
 * while for queries that have begun before. Each row is in one of the files that are left.
 * @param query runs SQL and gives the rows
 */
export async function liveFiles(
  query: (sql: string) => Promise<unknown[][]>,
  paths: readonly string[],
): Promise<string[]> {
  const compacted = paths.filter(isCompacted);
  if (compacted.length === 0) return [...paths];
  const rows = await query(
    `SELECT file_name, decode(value) FROM parquet_kv_metadata(${literalList(compacted)}) WHERE decode(key) = 'parts'`,
  );
  const replaced = new Set(
    rows.flatMap(([path, parts]) =>
      (JSON.parse(String(parts)) as Part[]).map(({ file }) => join(dirname(String(path)), file)),
    ),
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
