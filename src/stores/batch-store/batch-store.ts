import { HeadgateError } from '../../errors.js';
import type { BatchRef, Stream } from '../../event.js';

/** What names a batch file: its place follows from these three. */
export interface BatchName {
  readonly tenant: string;
  readonly stream: Stream;
  readonly batchId: string;
}

/**
 * Where batch files live: gzipped NDJSON, one file per batch, written once and never changed. The file is the claim
 * check that workflows pass about, what the warehouse loads, and what replay reads.
 */
export interface BatchStore {
  /**
   * Writes a batch file, gzipped NDJSON of one member, durably and atomically. A file that is there already is kept, and answered for as it is: it is
   * of an attempt before a crash. One that is damaged is replaced.
   * @throws HeadgateError `DISK_FULL` (retryable)
   */
  write(name: BatchName, gzipped: Buffer, events: number): Promise<BatchRef>;
  /**
   * Reads a batch back as NDJSON.
   * @throws HeadgateError `NOT_FOUND` (expired or never written), `BATCH_CORRUPT` (its hash differs)
   */
  read(ref: BatchRef): Promise<Buffer>;
  /** The absolute path of a batch file, for engines that read files themselves. */
  pathOf(name: BatchName): string;
}

/**
 * True for what {@link BatchStore.read} throws when no further try will help: the file is gone, or is not what was
 * written. Its events are then given up where people see it; a file put back from a backup makes them whole.
 */
export function isUnreadable(error: unknown): error is HeadgateError {
  return error instanceof HeadgateError && (error.code === 'NOT_FOUND' || error.code === 'BATCH_CORRUPT');
}
