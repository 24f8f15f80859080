import type { DuckDBConnection } from '@duckdb/node-api';
import { LRUCache } from 'lru-cache';
import type { Engine } from './engine.js';
import { literalList } from './sql.js';

/** Batch ids remembered over all tenants: about 50 MB at most. Beyond it, a load reads more files' metadata again. */
const MAX_REMEMBERED = 500_000;

/** What a file says about itself. */
export interface HeldFile {
  readonly path: string;
  readonly loadId: string;
  readonly batchIds: readonly string[];
  readonly rows: number;
  readonly bytes: number;
}

/**
 * Which batches the warehouse holds, read from the key-value metadata that each load's COPY wrote into its own file:
 * rows and ledger entry appear in the same rename, so they cannot disagree. Files never change, so each is read once.
 */
export interface Ledger {
  /** What each of these files holds, in their order. */
  read(paths: readonly string[], signal?: AbortSignal): Promise<HeldFile[]>;
}

/** A ledger that reads through `engine`. */
export function createLedger(engine: Engine): Ledger {
  const known = new LRUCache<string, HeldFile>({
    maxSize: MAX_REMEMBERED,
    sizeCalculation: (file) => 1 + file.batchIds.length,
  });

  return {
    async read(paths, signal) {
      const found = new Map<string, HeldFile>();
      const unknown: string[] = [];
      for (const path of paths) {
        const file = known.get(path);
        if (file) found.set(path, file);
        else unknown.push(path);
      }
      if (unknown.length > 0) {
        for (const file of await engine.use((connection) => readMetadata(connection, unknown), signal)) {
          found.set(file.path, file);
          known.set(file.path, file);
        }
      }
      return paths.flatMap((path) => found.get(path) ?? []);
    },
  };
}

async function readMetadata(connection: DuckDBConnection, paths: readonly string[]): Promise<HeldFile[]> {
  const list = literalList(paths);
  const entries = await connection.runAndReadAll(
    `SELECT file_name, decode(key), decode(value) FROM parquet_kv_metadata(${list})
     WHERE decode(key) IN ('batch_ids', 'load_id')`,
  );
  const metadata = new Map<string, string>();
  for (const [path, key, value] of entries.getRowsJS())
    metadata.set(`${String(key)} ${String(path)}`, String(value));
  const sizes = await connection.runAndReadAll(
    `SELECT file_name, num_rows, file_size_bytes FROM parquet_file_metadata(${list})`,
  );
  return sizes.getRowsJS().map(([path, rows, bytes]) => ({
    path: String(path),
    // A file that somebody else put here holds none of our batches.
    loadId: metadata.get(`load_id ${String(path)}`) ?? '',
    batchIds: JSON.parse(metadata.get(`batch_ids ${String(path)}`) ?? '[]') as string[],
    rows: Number(rows),
    bytes: Number(bytes),
  }));
}
