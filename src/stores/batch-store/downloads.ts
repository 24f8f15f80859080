import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { HeadgateError, systemCodeOf } from '../../errors.js';
import { tryLockFile, type FileLock } from '../../platform/file-lock.js';

const MAX_BYTES = 512 * 1024 ** 2;
/** Ends the name of the lock beside each directory of copies: the process that holds it reads them. */
const LOCK = '.lock';
/** A directory without a lock is of an earlier version, or of one being swept: what is older than this is nobody's. */
const STALE_MS = 24 * 60 * 60 * 1000;

interface Waiting {
  readonly bytes: number;
  readonly go: () => void;
}

/** A directory for copies of some files. */
export interface DownloadDirectory {
  readonly path: string;
  /** Deletes the directory and gives its room back. */
  release(): Promise<void>;
}

/**
 * The place of copies, below one directory. A number of bytes is held at once; who wants more waits, in order. Bigger wishes
 * than there is room are granted alone.
 */
export class Downloads {
  private held = 0;
  private readonly waiting: Waiting[] = [];
  private ready?: Promise<void>;

  /** @param maxBytes default 512 MB */
  constructor(
    private readonly root: string,
    private readonly maxBytes = MAX_BYTES,
  ) {}

  /**
   * A new directory with room for a number of bytes, once there is.
   * @throws the signal's reason, when it is aborted before
   */
  async open(bytes: number, signal?: AbortSignal): Promise<DownloadDirectory> {
    const wanted = Math.min(bytes, this.maxBytes);
    await this.take(wanted, signal);
    try {
      await (this.ready ??= sweepDownloads(this.root));
      const { path, lock } = await this.make();
      let released = false;
      const release = async (): Promise<void> => {
        if (released) return;
        released = true;
        await remove(path, lock).finally(() => this.give(wanted));
      };
      return { path, release };
    } catch (error) {
      this.ready = undefined;
      this.give(wanted);
      throw diskError(error);
    }
  }

  private async take(bytes: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.waiting.length === 0 && this.held + bytes <= this.maxBytes) {
      this.held += bytes;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const entry: Waiting = { bytes, go: resolve };
      this.waiting.push(entry);
      const onAbort = (): void => {
        const at = this.waiting.indexOf(entry);
        // Granted in the meantime: the caller sees the signal itself.
        if (at === -1) return;
        this.waiting.splice(at, 1);
        reject(signal?.reason as Error);
        this.grant();
      };
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  private give(bytes: number): void {
    this.held -= bytes;
    this.grant();
  }

  private grant(): void {
    for (
      let next = this.waiting[0];
      next && this.held + next.bytes <= this.maxBytes;
      next = this.waiting[0]
    ) {
      this.waiting.shift();
      this.held += next.bytes;
      next.go();
    }
  }

  private async make(): Promise<{ path: string; lock: FileLock }> {
    for (;;) {
      const path = join(this.root, `files-${randomUUID()}`);
      const lock = tryLockFile(path + LOCK);
      // A sweep that looked at the new lock was faster, and has taken it away.
      if (lock === undefined) continue;
      try {
        await mkdir(path);
        return { path, lock };
      } catch (error) {
        await remove(path, lock);
        throw error;
      }
    }
  }
}

/**
 * Deletes the copies that processes have left which were killed. To be called when a process starts whose copies are of
 * encrypted files; otherwise the first copy is soon enough.
 */
export async function sweepDownloads(root: string): Promise<void> {
  const names = await readdir(root).catch(() => []);
  const locks = new Set(names.filter((name) => name.endsWith(LOCK)));
  for (const name of locks) {
    const path = join(root, name);
    const lock = tryLockFile(path);
    if (lock !== undefined) await remove(path.slice(0, -LOCK.length), lock);
  }
  for (const name of names) {
    if (locks.has(name) || locks.has(name + LOCK)) continue;
    const path = join(root, name);
    const changed = (await stat(path).catch(() => undefined))?.mtimeMs ?? Infinity;
    if (changed < Date.now() - STALE_MS) await rm(path, { recursive: true, force: true });
  }
}

/** The lock last: while it is there, a directory that is left can be told from one that is in use. */
async function remove(path: string, lock: FileLock): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
    await rm(path + LOCK, { force: true });
  } finally {
    lock.release();
  }
}

/**
 * Writes a copy that its owner alone can read, and makes its directory.
 * @throws HeadgateError `DISK_FULL` (retryable)
 */
export async function writeCopy(path: string, bytes: Buffer): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes, { mode: 0o600 });
  } catch (error) {
    throw diskError(error);
  }
}

function diskError(error: unknown): Error {
  if (systemCodeOf(error) !== 'ENOSPC') return error as Error;
  const message = 'There is no room on this disk for copies of batch files.';
  return new HeadgateError('DISK_FULL', message, { retryable: true, cause: error });
}
