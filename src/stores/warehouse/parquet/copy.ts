import { LineSet } from '../../../events/line-set.js';
import { promotedMember, promotedMetadata } from './promotions.js';
import { selectStatement } from '../select.js';
import { literal } from '../sql.js';
import type { BadRows, LoadBatch, LoadInput } from '../warehouse.js';

/**
 * The COPY that turns batch files into one Parquet file which says itself which batches and promoted fields are in it, and
 * which rows are not.
 */
export function copyStatement(
  input: LoadInput,
  batches: readonly LoadBatch[],
  leftOut: readonly BadRows[],
  target: string,
): string {
  const batchIds = JSON.stringify(batches.map((batch) => batch.batchId));
  const promoted = promotedMember(promotedMetadata(input.promoted ?? [], input.loadedAt));
  return `COPY (${selectStatement(input, batches)}) TO ${literal(target)} (FORMAT parquet, COMPRESSION zstd,
    KV_METADATA {batch_ids: ${literal(batchIds)}, load_id: ${literal(input.loadId)}${promoted}${leftOutMember(leftOut)}})`;
}

function leftOutMember(leftOut: readonly BadRows[]): string {
  if (leftOut.length === 0) return '';
  const lines = leftOut.map(({ batchId, rows }) => [
    batchId,
    LineSet.of(rows.map(({ line }) => line)).encode(),
  ]);
  return `, left_out: ${literal(JSON.stringify(Object.fromEntries(lines)))}`;
}
