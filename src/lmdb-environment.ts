import { existsSync, mkdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { open, type RootDatabase, type RootDatabaseOptions } from 'lmdb';
import { HeadgateError, messageOf } from './errors.js';

/** Most databases in an environment; more only cost memory. */
const MAX_DATABASES = 8;
/** Address space, not memory: a map that has to grow leaves the old one in place, and the same pages count again. */
const MAP_BYTES = 64 * 1024 ** 3;
/** A new environment needs some pages at once: LMDB maps its lock file, and a full disk would end the process by SIGBUS. */
const NEW_ENVIRONMENT_BYTES = 1024 * 1024;
/** Seconds after which a write to a disk that was full is worth another try. */
const RETRY_AFTER_SECONDS = 5;

/** What one of lmdb's writes gives: settles with the commit, and has the flush as a promise of its own. */
type Committing = Promise<unknown> & { readonly flushed?: Promise<unknown> };

/**
 * An LMDB environment whose failed writes reject, and do nothing else. Every write goes through {@link committed} or
 * {@link flushed}: what lmdb-js does by itself when a disk is full ends the process (a rejection nobody can handle), or
 * leaves `flushed` and `close` waiting for ever. `transaction` and `childTransaction` are not to be used at all: a
 * commit that fails under one of them stops every later write of the environment.
 */
export interface LmdbEnvironment {
  readonly root: RootDatabase;
  /**
   * Runs one write, a `put`, a `remove` or a `batch`; resolves when others see it. A power cut may still undo it, a
   * crash of the process not.
   * @throws HeadgateError `DISK_FULL` (retryable): nothing of it was written
   */
  committed(write: () => Promise<unknown>): Promise<void>;
  /**
   * Runs one write; resolves when it is on disk.
   * @throws HeadgateError `DISK_FULL` (retryable): nothing of it was written
   */
  flushed(write: () => Promise<unknown>): Promise<void>;
  /**
   * Runs `work`, which may read what it is about to change, in one transaction, here and now; it is undone when `work`
   * throws. Resolves when it is on disk. Holds up the process for as long as the disk takes: for what is rare.
   * @throws HeadgateError `DISK_FULL` (retryable): nothing of it was written
   */
  transaction<T>(work: () => T): Promise<T>;
  /** Waits for the writes under way, however they end, and closes. */
  close(): Promise<void>;
}

/**
 * Opens the environment in a directory, which is made if need be.
 * @throws HeadgateError `DISK_FULL`: it is new, and there is no room for it
 */
export function openLmdb(directory: string, options: RootDatabaseOptions = {}): LmdbEnvironment {
  mkdirSync(directory, { recursive: true });
  assertRoomToOpen(directory);
  const root = open({
    path: directory,
    maxDbs: MAX_DATABASES,
    mapSize: MAP_BYTES,
    // Its transaction has a promise of its own that is never handed out; when the commit fails, that rejects unhandled.
    eventTurnBatching: false,
    separateFlushed: true,
    ...options,
  });
  const running = new Set<Promise<unknown>>();

  /** Resolves with the commit; gives the flush, boxed, so that awaiting the one is not awaiting the other. */
  async function commit(write: () => Promise<unknown>): Promise<Pick<Committing, 'flushed'>> {
    const committing: Committing = write();
    running.add(committing);
    try {
      await committing;
    } catch (error) {
      throw await writeError(directory, error);
    } finally {
      running.delete(committing);
    }
    return { flushed: committing.flushed };
  }

  return {
    root,
    committed: async (write) => void (await commit(write)),
    flushed: async (write) => {
      // Not `root.flushed`: that may by now belong to a later transaction, and never come if that one fails.
      const { flushed } = await commit(write);
      if (flushed === undefined)
        throw new TypeError('Only a put, remove or batch of lmdb can be awaited here.');
      await flushed;
    },
    transaction: <T>(work: () => T) =>
      new Promise<T>((resolve) => resolve(root.transactionSync(work))).catch((error: unknown) => {
        // LMDB's own errors have the number of the system's error as their code.
        throw typeof (error as { code?: unknown }).code === 'number' ? unwritable(directory, error) : error;
      }),
    close: async () => {
      await Promise.allSettled(running);
      // After a failed commit lmdb waits for its flush until another commit succeeds; an empty one does on a full disk too.
      await commit(() => root.batch(() => undefined));
      await root.close();
    },
  };
}

function assertRoomToOpen(directory: string): void {
  if (existsSync(join(directory, 'lock.mdb'))) return;
  const { bavail, bsize } = statfsSync(directory);
  if (bavail * bsize < NEW_ENVIRONMENT_BYTES)
    throw diskFull(`There is no room for a database in ${directory}.`);
}

/** lmdb says what went wrong by a second promise, which must not stay unhandled; everything else is a mistake of the caller's. */
async function writeError(directory: string, error: unknown): Promise<unknown> {
  const { commitError } = error as { commitError?: Promise<never> };
  if (commitError === undefined) return error;
  return unwritable(directory, await commitError.catch((reason: unknown) => reason));
}

/** LMDB says EIO, not ENOSPC, when a full disk cuts a write short: which of the two it is cannot be told. */
function unwritable(directory: string, cause: unknown): HeadgateError {
  return diskFull(`${directory} could not be written, the disk may be full: ${messageOf(cause)}`, cause);
}

function diskFull(message: string, cause?: unknown): HeadgateError {
  return new HeadgateError('DISK_FULL', message, {
    retryable: true,
    retryAfterSeconds: RETRY_AFTER_SECONDS,
    cause,
  });
}
