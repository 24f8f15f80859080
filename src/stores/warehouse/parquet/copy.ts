import { selectStatement } from '../select.js';
import { literal } from '../sql.js';
import type { LoadBatch, LoadInput } from '../warehouse.js';

/** The COPY that turns batch files into one Parquet file which says itself which batches are in it. */
export function copyStatement(input: LoadInput, batches: readonly LoadBatch[], target: string): string {
  const batchIds = JSON.stringify(batches.map((batch) => batch.batchId));
  return `COPY (${selectStatement(input, batches)}) TO ${literal(target)} (FORMAT parquet, COMPRESSION zstd,
    KV_METADATA {batch_ids: ${literal(batchIds)}, load_id: ${literal(input.loadId)}})`;
}
