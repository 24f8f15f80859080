import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { tryLock } from 'fs-native-extensions';
import { HeadgateError, messageOf, systemCodeOf } from '../errors.js';
import { bootId, currentProcess, type ProcessIdentity } from './process-identity.js';

/** Who holds a lock, as it has written it into the lock's file. For people: nothing is decided by it. */
export interface LockOwner extends ProcessIdentity {
  readonly host: string;
  /** Which boot of the host; absent where the platform does not tell. */
  readonly boot?: string;
  /** The directory of the lock's file, by the path that the owner knows it by. */
  readonly directory: string;
  /** When it took the lock: ISO 8601, UTC. */
  readonly since: string;
}

/** A lock that this process holds until it gives it back or ends, however it ends. */
export interface FileLock {
  /** The open file that has the lock. A child that inherits it holds the lock as well, for as long as it has it open. */
  readonly fd: number;
  /** Gives the lock back. The file stays. */
  release(): void;
  /** Closes the file here, without a word in it: a child that has inherited it goes on holding the lock. */
  leave(): void;
}

/** How {@link lockFile} goes about it. */
export interface LockOptions {
  /** The error to throw when another still holds the lock; without an owner where its file does not name one. */
  readonly held: (owner: LockOwner | undefined) => Error;
  /** Milliseconds to wait for a lock that another holds. Default 0. */
  readonly waitMs?: number;
  /** Called once, when there is something to wait for. */
  readonly onWait?: () => void;
  readonly signal?: AbortSignal;
}

const POLL_MS = 50;

/**
 * The byte that is locked. Far behind the content: where locks bind readers too (Windows), the content must stay readable.
 */
const LOCKED_AT = 2 ** 40;

/** What platforms say when another has the lock. */
const HELD: ReadonlySet<string | undefined> = new Set(['EAGAIN', 'EACCES', 'EBUSY']);

/**
 * Takes the lock of a file for this process alone; the file and its directory are made if need be. The kernel holds it, for
 * the open file and not for a process id: it binds processes in other containers and pid namespaces, and those that are
 * stopped, ends at once with the last process that has the file open, and a copy of the file is another lock. So what the
 * file says is for messages, and the file is never deleted while others might open it: two could each lock a file of their
 * own under the same name.
 * @throws what `held` gives when another has it; HeadgateError `FILE_UNWRITABLE`: the file cannot be made, or not be
 * locked; `DISK_FULL` (retryable)
 */
export async function lockFile(path: string, options: LockOptions): Promise<FileLock> {
  const { waitMs = 0, signal } = options;
  const deadline = performance.now() + waitMs;
  for (let waits = 0; ; waits += 1) {
    signal?.throwIfAborted();
    const lock = tryLockFile(path);
    if (lock !== undefined) return lock;
    if (performance.now() >= deadline) throw options.held(readOwner(path));
    if (waits === 0) options.onWait?.();
    await sleep(POLL_MS, undefined, { signal });
  }
}

/**
 * Takes the lock of a file if nobody has it. See {@link lockFile}.
 * @returns undefined when another has it, in this process or any other
 * @throws HeadgateError `FILE_UNWRITABLE`, `DISK_FULL`
 */
export function tryLockFile(path: string): FileLock | undefined {
  const fd = openToLock(path);
  try {
    if (!(lockOpen(path, fd, {}) && isStillThere(path, fd))) {
      closeSync(fd);
      return undefined;
    }
    writeOwner(path, fd);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return lockOf(fd);
}

/**
 * Says whether somebody holds the lock of a file. Looks by a shared lock of an instant, for which another's `tryLockFile` may
 * fail: to be asked by those who look on, not before a lock is taken.
 */
export function isLocked(path: string): boolean {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false;
    throw error;
  }
  try {
    return !lockOpen(path, fd, { shared: true });
  } finally {
    closeSync(fd);
  }
}

/** Who wrote itself into the file last. Undefined for what is no owner: a power cut, or one that is just writing. */
export function readOwner(path: string): LockOwner | undefined {
  try {
    const owner = JSON.parse(readFileSync(path, 'utf8')) as LockOwner | null;
    const isOwner = Number.isSafeInteger(owner?.pid) && typeof owner?.host === 'string';
    return isOwner ? (owner as LockOwner) : undefined;
  } catch {
    return undefined;
  }
}

/** The holder of a lock in a message: `process 27651 on host a1b2 (since …)`, or `another process`. */
export function describeOwner(owner: LockOwner | undefined): string {
  if (owner === undefined) return 'another process';
  const since = Number.isNaN(Date.parse(owner.since)) ? '' : ` (since ${owner.since})`;
  return `process ${owner.pid} on host ${printable(owner.host)}${since}`;
}

/** The file could be written by anybody who may write to the directory; what it says ends in a terminal. */
function printable(text: string): string {
  return text.replace(/[^\w.-]/g, '?').slice(0, 100);
}

function lockOf(fd: number): FileLock {
  let open = true;
  const close = (): void => {
    if (open) closeSync(fd);
    open = false;
  };
  return {
    fd,
    leave: close,
    release: () => {
      // Nobody's any more: a message must not name one who has let go.
      if (open) ftruncateSync(fd);
      close();
    },
  };
}

/** Opened without deleting what is in it: it may be another's. Children do not inherit it unless they are given it. */
function openToLock(path: string): number {
  try {
    mkdirSync(dirname(path), { recursive: true });
    return openSync(path, constants.O_RDWR | constants.O_CREAT);
  } catch (error) {
    throw unwritable(path, 'be written', error);
  }
}

function lockOpen(path: string, fd: number, options: { readonly shared?: boolean }): boolean {
  try {
    return tryLock(fd, LOCKED_AT, 1, options);
  } catch (error) {
    if (HELD.has(systemCodeOf(error))) return false;
    throw unwritable(path, 'be locked', error);
  }
}

/** False when the file was deleted between opening and locking it: then another one may be there, with another's lock. */
function isStillThere(path: string, fd: number): boolean {
  const there = statSync(path, { throwIfNoEntry: false });
  const opened = fstatSync(fd);
  return there !== undefined && there.ino === opened.ino && there.dev === opened.dev;
}

function writeOwner(path: string, fd: number): void {
  const owner: LockOwner = {
    ...currentProcess(),
    host: hostname(),
    boot: bootId(),
    directory: dirname(resolve(path)),
    since: new Date().toISOString(),
  };
  try {
    ftruncateSync(fd);
    writeSync(fd, `${JSON.stringify(owner)}\n`, 0);
  } catch (error) {
    // On a full disk the lock holds all the same; a message will not name its owner.
    if (systemCodeOf(error) !== 'ENOSPC') throw error;
  }
}

function unwritable(path: string, what: string, cause: unknown): HeadgateError {
  if (systemCodeOf(cause) === 'ENOSPC') {
    const message = `There is no room on the disk of ${path}.`;
    return new HeadgateError('DISK_FULL', message, { retryable: true, cause });
  }
  const text = `The lock file ${path} cannot ${what}: ${messageOf(cause)}. It has to be on a disk that this user may write to and that can lock files; a local one can.`;
  return new HeadgateError('FILE_UNWRITABLE', text, { cause });
}
