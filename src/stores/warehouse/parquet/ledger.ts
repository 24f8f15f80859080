import type { DuckDBConnection } from '@duckdb/node-api';
import { LRUCache } from 'lru-cache';
import type { Engine } from '../engine.js';
import { isCompacted, partsOf } from './compacted-file.js';
import { literalList } from '../sql.js';

/** Batch ids remembered over all tenants: about 50 MB at most. Beyond it, a load reads more files' metadata again. */
const MAX_REMEMBERED = 500_000;

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

type LeftOut = NonNullable<HeldFile['leftOut']>;

/**
 * Which batches the warehouse holds, read from the key-value metadata that each load's COPY wrote into its own file:
 * rows and ledger entry appear in the same rename, so they cannot disagree. Files never change, so each is read once.
 */
export interface Ledger {
  /** The loads' files among these, and those that compacted files among these hold in their place, each once. */
  read(paths: readonly string[], signal?: AbortSignal): Promise<HeldFile[]>;
}

/** A ledger that reads through `engine`. */
export function createLedger(engine: Engine): Ledger {
  const known = new LRUCache<string, HeldFile[]>({
    maxSize: MAX_REMEMBERED,
    sizeCalculation: (files) => files.reduce((sum, file) => sum + 1 + file.batchIds.length, 0),
  });

  /** What each of these files says, those that are not known by one reading. */
  async function readEach(paths: readonly string[], signal?: AbortSignal): Promise<HeldFile[]> {
    const found = new Map<string, HeldFile[]>();
    const unknown: string[] = [];
    for (const path of paths) {
      const files = known.get(path);
      if (files) found.set(path, files);
      else unknown.push(path);
    }
    if (unknown.length > 0) {
      for (const [path, files] of await engine.use((c) => readMetadata(c, unknown), signal)) {
        found.set(path, files);
        known.set(path, files);
      }
    }
    return paths.flatMap((path) => found.get(path) ?? []);
  }

  return {
    async read(paths, signal) {
      const parts = await readEach(paths.filter(isCompacted), signal);
      const replaced = new Set(parts.map((part) => part.path));
      // What is replaced may be removed at any moment.
      const loads = paths.filter((path) => !isCompacted(path) && !replaced.has(path));
      return [...parts, ...(await readEach(loads, signal))];
    },
  };
}

/** What each file holds: itself, or what it replaces. */
async function readMetadata(
  connection: DuckDBConnection,
  paths: readonly string[],
): Promise<[string, HeldFile[]][]> {
  const list = literalList(paths);
  const entries = await connection.runAndReadAll(
    `SELECT file_name, decode(key), decode(value) FROM parquet_kv_metadata(${list})
     WHERE decode(key) IN ('batch_ids', 'load_id', 'parts', 'left_out')`,
  );
  const metadata = new Map<string, string>();
  for (const [path, key, value] of entries.getRowsJS())
    metadata.set(`${String(key)} ${String(path)}`, String(value));
  const sizes = await connection.runAndReadAll(
    `SELECT file_name, num_rows, file_size_bytes FROM parquet_file_metadata(${list})`,
  );
  return sizes.getRowsJS().map(([name, rows, bytes]) => {
    const path = String(name);
    const batchIds = metadata.get(`batch_ids ${path}`) ?? '[]';
    const parts = metadata.get(`parts ${path}`);
    if (isCompacted(path) && parts !== undefined)
      return [path, partsOf(path, { batch_ids: batchIds, parts })];
    // A file that somebody else put here holds none of our batches.
    const loadId = metadata.get(`load_id ${path}`) ?? '';
    const ids = JSON.parse(batchIds) as string[];
    const leftOut = metadata.get(`left_out ${path}`);
    const held = { path, loadId, batchIds: ids, rows: Number(rows), bytes: Number(bytes) };
    return [path, [leftOut === undefined ? held : { ...held, leftOut: JSON.parse(leftOut) as LeftOut }]];
  });
}
