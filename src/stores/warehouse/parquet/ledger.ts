import type { DuckDBConnection } from '@duckdb/node-api';
import { LRUCache } from 'lru-cache';
import type { Engine } from '../engine.js';
import { isCompacted, partsOf, replacedBy, type HeldFile } from './compacted-file.js';
import type { HeldField } from './promotions.js';
import { literalList } from '../sql.js';

/** Batch ids remembered over all tenants: about 50 MB at most. Beyond it, a load reads more files' metadata again. */
const MAX_REMEMBERED = 500_000;

type LeftOut = NonNullable<HeldFile['leftOut']>;
/** A file that is there. */
export interface StoredFile {
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
  /** Its promoted fields. */
  readonly promoted: readonly HeldField[];
  /** The loads' files whose rows are in it: itself, or those that it replaces. */
  readonly holds: readonly HeldFile[];
  /** The compacted files that it replaces, by their paths. */
  readonly replaces: readonly string[];
}

/**
 * Which batches the warehouse holds, read from the key-value metadata that each load's COPY wrote into its own file:
 * rows and ledger entry appear in the same rename, so they cannot disagree. Files never change, so each is read once.
 */
export interface Ledger {
  /** The loads' files among these, and those that compacted files among these hold in their place, each once. */
  read(paths: readonly string[], signal?: AbortSignal): Promise<HeldFile[]>;
  /** Those of these files that no other of them replaces. */
  live(paths: readonly string[], signal?: AbortSignal): Promise<StoredFile[]>;
}

/** A ledger that reads through `engine`. */
export function createLedger(engine: Engine): Ledger {
  const known = new LRUCache<string, StoredFile>({
    maxSize: MAX_REMEMBERED,
    sizeCalculation: (file) => file.holds.reduce((sum, held) => sum + 1 + held.batchIds.length, 1),
  });

  /** What each of these files says, those that are not known by one reading. */
  async function readEach(paths: readonly string[], signal?: AbortSignal): Promise<StoredFile[]> {
    const found = new Map<string, StoredFile>();
    const unknown: string[] = [];
    for (const path of paths) {
      const file = known.get(path);
      if (file) found.set(path, file);
      else unknown.push(path);
    }
    if (unknown.length > 0) {
      for (const file of await engine.use((c) => readMetadata(c, unknown), signal)) {
        found.set(file.path, file);
        known.set(file.path, file);
      }
    }
    return paths.flatMap((path) => found.get(path) ?? []);
  }

  async function live(paths: readonly string[], signal?: AbortSignal): Promise<StoredFile[]> {
    const compacted = await readEach(paths.filter(isCompacted), signal);
    const replaced = new Set(compacted.flatMap((file) => [...replacedPaths(file)]));
    // What is replaced may be removed at any moment.
    const loads = paths.filter((path) => !isCompacted(path) && !replaced.has(path));
    return [...compacted.filter((file) => !replaced.has(file.path)), ...(await readEach(loads, signal))];
  }

  return {
    live,
    async read(paths, signal) {
      return (await live(paths, signal)).flatMap((file) => file.holds);
    },
  };
}

/** The paths of the files that a file replaces, of loads and of earlier compactions; none of a load's own file. */
export function replacedPaths({ path, holds, replaces }: StoredFile): string[] {
  return [...holds.map((held) => held.path).filter((held) => held !== path), ...replaces];
}

/** What each file holds: itself, or what it replaces. */
async function readMetadata(connection: DuckDBConnection, paths: readonly string[]): Promise<StoredFile[]> {
  const list = literalList(paths);
  const entries = await connection.runAndReadAll(
    `SELECT file_name, decode(key), decode(value) FROM parquet_kv_metadata(${list})
     WHERE decode(key) IN ('batch_ids', 'load_id', 'parts', 'replaces', 'left_out', 'promoted')`,
  );
  const metadata = new Map<string, string>();
  for (const [path, key, value] of entries.getRowsJS())
    metadata.set(`${String(key)} ${String(path)}`, String(value));
  const sizes = await connection.runAndReadAll(
    `SELECT file_name, num_rows, file_size_bytes FROM parquet_file_metadata(${list})`,
  );
  return sizes.getRowsJS().map(([name, numRows, size]) => {
    const path = String(name);
    const [rows, bytes] = [Number(numRows), Number(size)];
    const batchIds = metadata.get(`batch_ids ${path}`) ?? '[]';
    const parts = metadata.get(`parts ${path}`);
    const promoted = JSON.parse(metadata.get(`promoted ${path}`) ?? '[]') as HeldField[];
    if (isCompacted(path) && parts !== undefined) {
      const said = { batch_ids: batchIds, parts, replaces: metadata.get(`replaces ${path}`) };
      return { path, rows, bytes, promoted, holds: partsOf(path, said), replaces: replacedBy(path, said) };
    }
    // A file that somebody else put here holds none of our batches.
    const loadId = metadata.get(`load_id ${path}`) ?? '';
    const leftOut = metadata.get(`left_out ${path}`);
    const held = {
      path,
      loadId,
      batchIds: JSON.parse(batchIds) as string[],
      rows,
      bytes,
      ...(leftOut !== undefined && { leftOut: JSON.parse(leftOut) as LeftOut }),
    };
    return { path, rows, bytes, promoted, holds: [held], replaces: [] };
  });
}
