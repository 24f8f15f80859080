import type { BigQueryWriter } from '../../../tenants/config/warehouse-config.js';
import type { LoadClaim, NamedClaim } from '../../load-claims/load-claims.js';
import type { Staged } from './stage.js';

/** How what a claim says stands. */
export type ClaimState =
  /** The rows are in the table. */
  | 'loaded'
  /** They are not, and may come in under this claim. */
  | 'open'
  /** They are not, and cannot come in under this claim any more. */
  | 'void';

/**
 * A way to bring rows into a table. A claim says which way it went; a later process asks that one how it stands, whatever
 * way the tenant is configured with by then. What is thrown is sorted, see `bigQueryError`.
 */
export interface Writer {
  readonly kind: BigQueryWriter;
  /** How a claim stands, once that is certain: what is under way is waited for, or ended. */
  stateOf(claim: NamedClaim): Promise<ClaimState>;
  /** What a claim that is about to be written says of the way itself. */
  prepare(rows: number): Promise<Pick<LoadClaim, 'stream'>>;
  /** Brings in the rows of a claim that is open or has just been written. */
  write(claim: NamedClaim, staged: Staged): Promise<void>;
}

/** The way that a claim went. */
export function writerOf({ stream }: LoadClaim): BigQueryWriter {
  return stream === undefined ? 'load-jobs' : 'storage-write';
}
