import { existsSync, mkdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { open, type Database, type Key, type RootDatabase, type RootDatabaseOptions } from 'lmdb';
import { HeadgateError, messageOf, systemCodeOf } from '../errors.js';
import { Headroom, type Addition } from './lmdb-headroom.js';

/** Most databases in an environment; more only cost memory. */
const MAX_DATABASES = 8;
/** Address space, not memory: a map that has to grow leaves the old one in place, and the same pages count again. */
const MAP_BYTES = 64 * 1024 ** 3;
/** A new environment needs some pages at once: LMDB maps its lock file, and a full disk would end the process by SIGBUS. */
const NEW_ENVIRONMENT_BYTES = 1024 * 1024;
/** What the file system says when there is no room: the disk is full, the quota used up, or the file as large as it may be. */
const NO_ROOM: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
/** Seconds after which a write to a disk that was full is worth another try. */
const RETRY_AFTER_SECONDS = 5;

/** What one of lmdb's writes gives: settles with the commit, and has the flush as a promise of its own. */
type Committing = Promise<unknown> & { readonly flushed?: Promise<unknown> };

/**
 * An LMDB environment for one writing process, whose failed writes reject, and do nothing else. Every write goes through
 * {@link committed} or {@link flushed}, which see to it that LMDB does not meet a full disk (see {@link Headroom}) and
 * that nothing worse comes of it if it does: what lmdb-js does without it ends the process (a rejection nobody can
 * handle), or leaves `flushed` and `close` waiting for ever. lmdb's `transaction` and `childTransaction` are not to be
 * used at all: a commit that fails under one of them stops every later write of the environment.
 *
 * Writes begin in the order of the calls. Each says what it adds at most; one that adds nothing, such as a removal, may
 * use room that is kept back from the others, so that a database on a full disk can let go of what it holds.
 */
export interface LmdbEnvironment {
  readonly root: RootDatabase;
  /**
   * Runs one write, a `put`, a `remove` or a `batch`; resolves when others see it. A power cut may still undo it, a
   * crash of the process not.
   * @throws HeadgateError `DISK_FULL` (retryable): nothing of it was written
   */
  committed(write: () => Promise<unknown>, addition?: Addition): Promise<void>;
  /**
   * Runs one write; resolves when it is on disk.
   * @throws HeadgateError `DISK_FULL` (retryable): nothing of it was written
   */
  flushed(write: () => Promise<unknown>, addition?: Addition): Promise<void>;
  /**
   * Runs `work`, which may read what it is about to change, in one transaction, here and now; it is undone when `work`
   * throws. Resolves when it is on disk, and holds up the process for as long as the disk takes: for what is rare.
   * @throws HeadgateError `DISK_FULL` (retryable): nothing of it was written
   */
  transaction<T>(work: () => T, addition?: Addition): Promise<T>;
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
  const headroom = new Headroom(join(directory, 'data.mdb'), () => usedBytes(root));
  const running = new Set<Promise<unknown>>();

  /** Runs a write as `write` does, and says what has kept it from being written in Headgate's words. */
  async function settle<T>(write: () => Promise<T>, addition: Addition | undefined): Promise<T> {
    const settling = headroom.run(addition, write);
    running.add(settling);
    try {
      return await settling;
    } catch (error) {
      throw await writeError(directory, error);
    } finally {
      running.delete(settling);
    }
  }

  return {
    root,
    committed: async (write, addition) => void (await settle(write, addition)),
    flushed: async (write, addition) => {
      let committing: Committing | undefined;
      await settle(() => (committing = write()), addition);
      // Not `root.flushed`: that may by now belong to a later transaction, and never come if that one fails.
      if (committing?.flushed === undefined)
        throw new TypeError('This is not a put, remove or batch of lmdb.');
      await committing.flushed;
    },
    transaction: (work, addition) => settle(async () => root.transactionSync(work), addition),
    close: async () => {
      await Promise.allSettled(running);
      // After a failed commit lmdb waits for its flush until another commit succeeds; an empty one does on a full disk too.
      await root.batch(() => undefined);
      await root.close();
      await headroom.close();
    },
  };
}

/** Records that are removed in one transaction. */
const REMOVED_AT_ONCE = 1_000;

/** Removes records, some in each transaction, between which others are served. */
export async function removeAll<K extends Key>(
  lmdb: LmdbEnvironment,
  table: Pick<Database<unknown, K>, 'remove'>,
  keys: readonly K[],
): Promise<void> {
  for (let from = 0; from < keys.length; from += REMOVED_AT_ONCE)
    await lmdb.committed(() =>
      lmdb.root.batch(() => {
        for (const key of keys.slice(from, from + REMOVED_AT_ONCE)) void table.remove(key);
      }),
    );
}

function usedBytes(root: RootDatabase): number {
  const { lastPageNumber, pageSize } = root.getStats() as { lastPageNumber: number; pageSize: number };
  return (lastPageNumber + 1) * pageSize;
}

function assertRoomToOpen(directory: string): void {
  if (existsSync(join(directory, 'lock.mdb'))) return;
  const { bavail, bsize } = statfsSync(directory);
  if (bavail * bsize < NEW_ENVIRONMENT_BYTES)
    throw diskFull(`There is no room for a database in ${directory}.`);
}

/** What is neither LMDB's error nor the file system's is the caller's own, and is left as it is. */
async function writeError(directory: string, error: unknown): Promise<unknown> {
  const { commitError, code } = error as { commitError?: Promise<never>; code?: unknown };
  // lmdb says what went wrong by a second promise, which must not stay unhandled.
  const cause = commitError === undefined ? error : await commitError.catch((reason: unknown) => reason);
  // Errors of LMDB have a number as their code; EIO among them when a full disk has cut a write short.
  const ofLmdb = commitError !== undefined || typeof code === 'number';
  if (!ofLmdb && !NO_ROOM.has(systemCodeOf(error) ?? '')) return error;
  return diskFull(`${directory} could not be written, the disk may be full: ${messageOf(cause)}`, cause);
}

function diskFull(message: string, cause?: unknown): HeadgateError {
  return new HeadgateError('DISK_FULL', message, {
    retryable: true,
    retryAfterSeconds: RETRY_AFTER_SECONDS,
    cause,
  });
}
