import type { LoadClaim } from '../../load-claims/load-claims.js';
import type { LoadBatch, LoadInput, LoadResult } from '../warehouse.js';

/** What a load has put into its table, by the claims that hold its batches. */
export function resultOf(
  input: LoadInput,
  batches: readonly LoadBatch[],
  holding: readonly LoadClaim[],
): LoadResult {
  const own = holding.filter(({ loadId }) => loadId === input.loadId);
  const inOwn = new Set(own.flatMap(({ batchIds }) => batchIds));
  const ids = batches.map(({ batchId }) => batchId);
  const leftOut = own.reduce((sum, claim) => sum + (claim.leftOut ?? 0), 0);
  return {
    loadId: input.loadId,
    rows: own.reduce((sum, { rows }) => sum + rows, 0),
    bytes: own.reduce((sum, { bytes }) => sum + bytes, 0),
    loaded: ids.filter((id) => inOwn.has(id)),
    alreadyHeld: ids.filter((id) => !inOwn.has(id)),
    ...(leftOut > 0 && { leftOut }),
    ...clashesOf(own),
  };
}

/** By column; nothing where there are none. */
function clashesOf(own: readonly LoadClaim[]): Pick<LoadResult, 'clashes'> {
  const sums: Record<string, number> = {};
  for (const { clashes = {} } of own)
    for (const [column, count] of Object.entries(clashes)) sums[column] = (sums[column] ?? 0) + count;
  return Object.keys(sums).length === 0 ? {} : { clashes: sums };
}
