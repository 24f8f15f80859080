import type { BatchRef, Stream } from '../../event.js';

/** What names a batch file: its place follows from these three. */
export interface BatchName {
  readonly tenant: string;
  readonly stream: Stream;
  readonly batchId: string;
}

/** A file written but not yet in its place; see {@link BatchStore.stage}. */
export interface StagedBatch extends BatchName {
  /** Names the staged file within the store; plain data, so it can be kept in a transaction. */
  readonly token: string;
  readonly events: number;
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * Where batch files live: gzipped NDJSON, one file per batch, written once and never changed. The file is the claim
 * check that workflows pass about, what the warehouse loads, and what replay reads.
 */
export interface BatchStore {
  /** Writes a batch file durably and atomically. Writing the same batch again replaces it with the same bytes. */
  write(name: BatchName, ndjson: Buffer, events: number): Promise<BatchRef>;
  /** Writes a file durably under a temporary name, to be put in its place by {@link BatchStore.publish}. */
  stage(name: BatchName, ndjson: Buffer, events: number): Promise<StagedBatch>;
  /** Puts a staged file in its place; does nothing if it is there already. */
  publish(staged: StagedBatch): Promise<BatchRef>;
  /** Deletes a staged file that lost a race; does nothing if it is gone. */
  discard(staged: StagedBatch): Promise<void>;
  /**
   * Reads a batch back as NDJSON.
   * @throws HeadgateError `NOT_FOUND` (expired or never written), `BATCH_CORRUPT` (its hash differs)
   */
  read(ref: BatchRef): Promise<Buffer>;
  /** The absolute path of a batch file, for engines that read files themselves. */
  pathOf(name: BatchName): string;
}
