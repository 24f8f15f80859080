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
   * of an attempt before a crash.
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
