import { HeadgateError } from '../../errors.js';
import type { BatchRef, Stream } from '../../event.js';

/** What names a batch file: its place follows from these three. */
export interface BatchName {
  readonly tenant: string;
  readonly stream: Stream;
  readonly batchId: string;
}

/** Which batches to list. Days are `YYYY-MM-DD`, UTC: those on which batches were planned, never before their events came. */
export interface BatchRange {
  readonly tenant: string;
  readonly stream: Stream;
  /** The first day; default: the first there is. */
  readonly from?: string;
  /** The last day; default: the last there is. */
  readonly to?: string;
  /** Only batches whose ids come after this one. */
  readonly after?: string;
}

/** A batch file that has been read without knowing its reference. */
export interface OpenBatch {
  readonly ref: BatchRef;
  /** The events, one a line. */
  readonly ndjson: Buffer;
}

/** Batch files on this disk, for engines that read files themselves. */
export interface LocalFiles {
  /** Absolute paths, in the order asked for; each file's name is its batch's id followed by `.` and an extension. */
  readonly paths: readonly string[];
  /** To be called when they have been read: a store that is not on this disk then deletes its copies. */
  release(): Promise<void>;
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
  /**
   * Batch files as files of this disk. Where the store is on this disk they are its own, as they are; where it is not, they
   * are copies, and those of references have been compared with their hash. A batch that is gone has no file at its path.
   * @throws HeadgateError `BATCH_CORRUPT` (a copy's hash differs), `DISK_FULL` (retryable)
   */
  localFiles(names: readonly (BatchName | BatchRef)[], signal?: AbortSignal): Promise<LocalFiles>;
  /** The batches that are kept, in the order of their ids, a day read at a time: per node that is the order of receipt. */
  list(range: BatchRange): AsyncIterable<BatchName>;
  /**
   * Reads a batch of which only the name is known, such as one that was listed.
   * @throws HeadgateError `NOT_FOUND` (deleted meanwhile), `BATCH_CORRUPT` (it is no gzip file)
   */
  open(name: BatchName): Promise<OpenBatch>;
  /**
   * The reference of a batch of which only the name is known; reads its file.
   * @throws HeadgateError `NOT_FOUND`, `BATCH_CORRUPT`
   */
  ref(name: BatchName): Promise<BatchRef>;
  /** The days of which there are batches, ascending. */
  days(tenant: string, stream: Stream): Promise<readonly string[]>;
  /** Deletes a batch file, and the directory of its day if that was the last; one that is gone already is no error. */
  delete(name: BatchName): Promise<void>;
  /** The last day up to which batches of a tenant have been deleted; undefined while none have. */
  deletedThrough(tenant: string): Promise<string | undefined>;
  /** Notes, durably, that batches are deleted up to a day; to be called before the first of them is. */
  noteDeleted(tenant: string, day: string): Promise<void>;
}

/**
 * True for what {@link BatchStore.read} throws when no further try will help: the file is gone, or is not what was
 * written. Its events are then given up where people see it; a file put back from a backup makes them whole.
 */
export function isUnreadable(error: unknown): error is HeadgateError {
  return error instanceof HeadgateError && (error.code === 'NOT_FOUND' || error.code === 'BATCH_CORRUPT');
}

/** What is read of a batch; undefined where that {@link isUnreadable}. */
export async function unlessUnreadable<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (isUnreadable(error)) return undefined;
    throw error;
  }
}
