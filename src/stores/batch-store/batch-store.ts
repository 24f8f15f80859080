import { HeadgateError } from '../../errors.js';
import type { BatchName, BatchRef, Stream } from '../../events/event.js';

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

/** How {@link BatchStore.write} takes a file that is there already. */
export interface WriteOptions {
  /** Refuse one with other lines, instead of answering for it as it is. Default false. */
  readonly unlessOther?: boolean;
}

/** Batch files on this disk, for engines that read files themselves. */
export interface LocalFiles {
  /** Absolute paths, in the order asked for; each file's name is its batch's id followed by `.` and an extension. */
  readonly paths: readonly string[];
  /** Why a file is not what was written (`BATCH_CORRUPT`), by its path, at which nothing may be read then. */
  readonly damaged: ReadonlyMap<string, HeadgateError>;
  /** To be called when they have been read: a store that is not on this disk then deletes its copies. */
  release(): Promise<void>;
}

/**
 * Where batch files live: gzipped NDJSON, one file per batch, written once and never changed. The file is the claim
 * check that workflows pass about, what the warehouse loads, and what replay reads. Files may be sealed on their disk or in
 * their bucket; callers see none of it, and references are of what was given to be written. Where they are, any function that
 * reads or writes a file may throw HeadgateError `BATCH_KEY_MISSING` or `BATCH_KEY_WRONG`, both retryable.
 */
export interface BatchStore {
  /**
   * Writes a batch file, gzipped NDJSON of one member, durably and atomically. A file that is there already is kept, and answered for as it is: it is
   * of an attempt before a crash. One that is damaged, or sealed with a key that is gone, is replaced. What is written for an erased tenant cannot be read.
   * @throws HeadgateError `DISK_FULL` (retryable), `BATCH_ID_TAKEN` (if asked for)
   */
  write(name: BatchName, gzipped: Buffer, events: number, options?: WriteOptions): Promise<BatchRef>;
  /**
   * Reads a batch back as NDJSON.
   * @throws HeadgateError `NOT_FOUND` (expired or never written), `BATCH_CORRUPT` (its hash differs), `TENANT_ERASED`
   */
  read(ref: BatchRef): Promise<Buffer>;
  /**
   * Batch files as files of this disk, gzipped NDJSON. Where the store is on this disk and its files are not sealed they are its own, as they are;
   * otherwise they are copies. Files of references have been compared with their hash, those of names with the hash that their headers
   * have (of version 0.1.0, which wrote none: with gzip's CRC-32 and length): engines look at neither. A damaged one spoils nothing for the others. A batch that is gone has no file at its path.
   * Of references there are all; of names, whose sizes are not known, maybe only the first, at least one: ask again for the rest.
   * @throws HeadgateError `TENANT_ERASED`, `DISK_FULL` (retryable)
   */
  localFiles(names: readonly (BatchName | BatchRef)[], signal?: AbortSignal): Promise<LocalFiles>;
  /** The batches that are kept, in the order of their ids, a day read at a time: per node that is the order of receipt. */
  list(range: BatchRange): AsyncIterable<BatchName>;
  /**
   * Reads a batch of which only the name is known, such as one that was listed.
   * @throws HeadgateError `NOT_FOUND` (deleted meanwhile), `BATCH_CORRUPT` (it is not what was written for this batch), `TENANT_ERASED`
   */
  open(name: BatchName): Promise<OpenBatch>;
  /**
   * The reference of a batch of which only the name is known; reads its file.
   * @throws HeadgateError `NOT_FOUND`, `BATCH_CORRUPT`, `TENANT_ERASED`
   */
  ref(name: BatchName): Promise<BatchRef>;
  /** The days of which there are batches, ascending. */
  days(tenant: string, stream: Stream): Promise<readonly string[]>;
  /** Deletes a batch file, and the directory of its day if that was the last; one that is gone already is no error. */
  delete(name: BatchName): Promise<void>;
  /**
   * Deletes all that is kept in the store under a tenant's name: its batches, and beside them claims and keys.
   * @param except the name of a file right under the tenant's that stays
   */
  deleteTenant(tenant: string, except?: string): Promise<void>;
  /** The last day up to which batches of a tenant have been deleted; undefined while none have. */
  deletedThrough(tenant: string): Promise<string | undefined>;
  /** Notes, durably, that batches are deleted up to a day; to be called before the first of them is. */
  noteDeleted(tenant: string, day: string): Promise<void>;
}

const UNREADABLE: ReadonlySet<string> = new Set(['NOT_FOUND', 'BATCH_CORRUPT', 'TENANT_ERASED']);

/**
 * True for what {@link BatchStore.read} throws when no further try will help: the file is gone, or is not what was
 * written, or the key of its tenant has been deleted. Its events are then given up where people see it; a file put back from
 * a backup makes them whole.
 */
export function isUnreadable(error: unknown): error is HeadgateError {
  return error instanceof HeadgateError && UNREADABLE.has(error.code);
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

/**
 * Opens one of many batches; undefined where retention, or somebody's hand, was faster, or the file is none of ours any more.
 * @throws HeadgateError `TENANT_ERASED`: there is nothing to read of any of them
 */
export async function openIfThere(
  store: Pick<BatchStore, 'open'>,
  name: BatchName,
): Promise<OpenBatch | undefined> {
  try {
    return await store.open(name);
  } catch (error) {
    if (isUnreadable(error) && error.code !== 'TENANT_ERASED') return undefined;
    throw error;
  }
}
