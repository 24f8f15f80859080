import { HeadgateError } from '../../errors.js';
import type { Stream } from '../../events/event.js';
import type { PromotedField } from '../../events/promoted-field.js';

/** One batch file to load. */
export interface LoadBatch {
  readonly batchId: string;
  /** Absolute path of the batch's gzipped NDJSON; its name is the batch id followed by `.` and an extension. */
  readonly path: string;
  /** Why its file may not be read, if it is damaged. */
  readonly damage?: string;
  /** Rows in it: a load that would bring in more or fewer fails. */
  readonly rows: number;
  /** When the oldest of its events was received, milliseconds since the epoch; absent where that is not known. */
  readonly receivedAt?: number;
}

/** A row that cannot be loaded, whatever is tried. */
export interface BadRow {
  /** Its line in the batch's file, counted from 0. */
  readonly line: number;
  /** The line; octets that are not UTF-8 are replaced. */
  readonly text: string;
  /** What the engine says is wrong with it. */
  readonly reason: string;
}

/** The rows of a batch that cannot be loaded. */
export interface BadRows {
  readonly batchId: string;
  /** In the order of their lines. */
  readonly rows: readonly BadRow[];
}

/**
 * One load: the batches of a closed load window. All but the promoted fields is fixed by the workflow, so that a retry asks
 * for the same; they are as configured at the attempt, and the load's rows all have the columns of one attempt.
 */
export interface LoadInput {
  readonly tenant: string;
  readonly stream: Stream;
  /** Names the load, and its file or job: `[A-Za-z0-9._-]+`. */
  readonly loadId: string;
  /** `YYYY-MM-DD`: the day's directory, or partition, the load goes into. */
  readonly day: string;
  /** ISO 8601 with `Z`: what the rows say in `loaded_at`. */
  readonly loadedAt: string;
  readonly batches: readonly LoadBatch[];
  /** Fields of `data` that get a column. Default none. */
  readonly promoted?: readonly PromotedField[];
  /**
   * Called with the rows that make the load fail, which it then does without; the load waits, and fails if this does. It
   * may be called with the same rows again by a retry. Default: such rows fail the load.
   */
  readonly onBadRows?: (bad: readonly BadRows[]) => Promise<void>;
  /** Interrupts the load; it then rejects with the signal's reason and leaves nothing behind, but for what a retry finds. */
  readonly signal?: AbortSignal;
}

/** What a load id has put into the warehouse, by this call and by earlier attempts together. */
export interface LoadResult {
  readonly loadId: string;
  readonly rows: number;
  /** Bytes of the Parquet file, or of the file that a job has loaded. */
  readonly bytes: number;
  /** The asked batches that this load holds. */
  readonly loaded: string[];
  /** The asked batches that other loads had brought in before. */
  readonly alreadyHeld: string[];
  /** Rows of the asked batches that could not be loaded and were left out; absent when there were none. */
  readonly leftOut?: number;
  /** By column, how many values of promoted fields did not fit and are in `_clashes`; absent when all did. */
  readonly clashes?: Readonly<Record<string, number>>;
  /** The Parquet file, relative to the tenant's warehouse directory; absent when all batches were held already. */
  readonly file?: string;
}

/** Why batches cannot be read, by their ids. */
export type UnreadableBatches = Readonly<Record<string, string>>;

/** The batches for which a load has failed as `NOT_FOUND`; undefined for any other error. */
export function unreadableOf(error: unknown): UnreadableBatches | undefined {
  if (!(error instanceof HeadgateError) || error.code !== 'NOT_FOUND') return undefined;
  return error.details?.unreadable as UnreadableBatches | undefined;
}

/**
 * A tenant's tables. Loading is idempotent by batch: a batch that the warehouse holds is left out of any later load, so
 * a retry, a reset or a replay that announces it again doubles nothing.
 */
export interface Warehouse {
  /**
   * Loads batches in one atomic step: readers see all of the load or none of it.
   * @throws HeadgateError `NOT_FOUND` (batches that are not held have no file any more, or a damaged one; see {@link
   * unreadableOf}), `TENANT_ID_INVALID`, `DISK_FULL` and `WAREHOUSE_FAILED` (retryable, except when the input itself is
   * malformed; also when the rows that were read are not as many as the batches have), and where it is not on this disk
   * `WAREHOUSE_UNAVAILABLE`, `WAREHOUSE_QUOTA` and `WAREHOUSE_REFUSED` (an operator has to do something, and the message
   * says what), all retryable
   */
  load(input: LoadInput): Promise<LoadResult>;
  /** Waits for loads under way, then releases files, threads and memory. */
  close(): Promise<void>;
}
