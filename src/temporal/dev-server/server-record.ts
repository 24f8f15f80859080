import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { HeadgateError, systemCodeOf } from '../../errors.js';
import { isLocked, tryLockFile, type FileLock } from '../../platform/file-lock.js';
import { isRunning, type ProcessIdentity } from '../../platform/process-identity.js';

/** A development server as its owner wrote it down beside the database file. */
export interface RunningServer {
  readonly process: ProcessIdentity;
  /** `host:port` of its gRPC service. */
  readonly address: string;
  /** Absent where it has no UI. */
  readonly uiUrl?: string;
}

/** What is known of a database file. */
export type ServerState =
  /** Nobody has a server on it. */
  | { readonly kind: 'none' }
  /** Its owner lives; the server runs or is being started or stopped. */
  | { readonly kind: 'owned'; readonly server?: RunningServer }
  /** Its owner is dead; the server still runs. */
  | { readonly kind: 'orphaned'; readonly server?: RunningServer };

/** The sole right to run a server on a database file. */
export interface ServerClaim {
  /**
   * Takes the lock that the server itself is to hold, as a file that it inherits: so it is known to run as long as it does,
   * no matter which process has died, in which container. Undefined while one that was left behind still holds it.
   */
  lockServer(): FileLock | undefined;
  /** The server that was written down last, by any process; it may have ended. */
  leftBehind(): RunningServer | undefined;
  /** Writes down the server that was started. */
  write(server: RunningServer): void;
  /** Gives the claim back. */
  release(): void;
}

/** Says who has a server on this database file. Changes nothing. */
export function serverStateOf(dbFile: string): ServerState {
  const server = readServer(dbFile);
  if (isLocked(ownerLock(dbFile))) return { kind: 'owned', server };
  return isLeftBehind(dbFile, server) ? { kind: 'orphaned', server } : { kind: 'none' };
}

/**
 * Claims the right to run a server on the database, until it is given back or this process ends.
 * @returns undefined when another process has it, in this container or in another
 * @throws HeadgateError `FILE_UNWRITABLE`
 */
export function claimServer(dbFile: string): ServerClaim | undefined {
  mkdirSync(dirname(dbFile), { recursive: true });
  const lock = tryLockFile(ownerLock(dbFile));
  if (lock === undefined) return undefined;
  let released = false;
  return {
    lockServer: () =>
      isLeftBehind(dbFile, readServer(dbFile)) ? undefined : tryLockFile(serverLock(dbFile)),
    leftBehind: () => readServer(dbFile),
    write: (server) => {
      const path = recordPath(dbFile);
      writeFileSync(`${path}.new`, JSON.stringify({ server }));
      renameSync(`${path}.new`, path);
    },
    release: () => {
      // Behind a release the record is another's.
      if (released) return;
      released = true;
      rmSync(recordPath(dbFile), { force: true });
      lock.release();
    },
  };
}

/** What a start says of a server that does not end and that it cannot end: it is in another container, or another user's. */
export function leftBehindError(dbFile: string): HeadgateError {
  const server = readServer(dbFile);
  const who = server === undefined ? '' : ` (process ${server.process.pid} where it was started)`;
  const text = `A Temporal server${who} that a Headgate which has ended left behind still runs on ${dbFile}. Stop it, or the container it is in.`;
  return new HeadgateError('TEMPORAL_START_FAILED', text, { retryable: true });
}

/**
 * By its lock; by its process where locks are not inherited (Windows), and for one that an earlier version has started.
 */
function isLeftBehind(dbFile: string, server: RunningServer | undefined): boolean {
  return isLocked(serverLock(dbFile)) || (server !== undefined && isRunning(server.process));
}

function ownerLock(dbFile: string): string {
  return `${dbFile}.owner.lock`;
}

function serverLock(dbFile: string): string {
  return `${dbFile}.server.lock`;
}

function recordPath(dbFile: string): string {
  return `${dbFile}.server.json`;
}

/** Undefined where there is none, or a power cut has truncated it. */
function readServer(dbFile: string): RunningServer | undefined {
  try {
    const record = JSON.parse(readFileSync(recordPath(dbFile), 'utf8')) as { server?: RunningServer } | null;
    return record?.server;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
