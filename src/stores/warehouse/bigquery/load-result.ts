import type { LoadClaim } from '../../load-claims/load-claims.js';
import { resultOf } from '../load-steps.js';
import type { LoadBatch, LoadInput, LoadResult } from '../warehouse.js';

/** What a load has put into its table, by the claims that hold its batches. */
export function resultOfClaims(
  input: LoadInput,
  batches: readonly LoadBatch[],
  holding: readonly LoadClaim[],
): LoadResult {
  return {
    ...resultOf(input, batches, holding, ({ leftOut = 0 }) => leftOut),
    ...clashesOf(holding.filter(({ loadId }) => loadId === input.loadId)),
  };
}

/** By column; nothing where there are none. */
function clashesOf(own: readonly LoadClaim[]): Pick<LoadResult, 'clashes'> {
  const sums: Record<string, number> = {};
  for (const { clashes = {} } of own)
    for (const [column, count] of Object.entries(clashes)) sums[column] = (sums[column] ?? 0) + count;
  return Object.keys(sums).length === 0 ? {} : { clashes: sums };
}
