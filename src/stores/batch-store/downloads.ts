import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { HeadgateError, systemCodeOf } from '../../errors.js';
import { currentProcess, isRunning, type ProcessIdentity } from '../../process-identity.js';

const MAX_BYTES = 512 * 1024 ** 2;
/** No load and no audit reads a copy for so long: what is older has been left by a process that was killed. */
const STALE_MS = 24 * 60 * 60 * 1000;
/** In each directory: whose it is. */
const OWNER = 'owner.json';

/** The process that a directory of copies belongs to. Process ids of another host, or container, say nothing here. */
interface Owner extends ProcessIdentity {
  readonly host: string;
}

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
 * The place of copies, below one directory. So many bytes are held at once; who wants more waits, in order. Bigger wishes
 * than there is room are granted alone.
 */
export class Downloads {
  private held = 0;
  private readonly waiting: Waiting[] = [];
  private ready?: Promise<void>;
  private owner = '';

  /** @param maxBytes default 512 MB */
  constructor(
    private readonly root: string,
    private readonly maxBytes = MAX_BYTES,
  ) {}

  /**
   * A new directory with room for so many bytes, once there is.
   * @throws the signal's reason, when it is aborted before
   */
  async open(bytes: number, signal?: AbortSignal): Promise<DownloadDirectory> {
    const wanted = Math.min(bytes, this.maxBytes);
    await this.take(wanted, signal);
    try {
      await (this.ready ??= this.prepare());
      const path = await mkdtemp(join(this.root, 'files-'));
      await writeFile(join(path, OWNER), this.owner);
      let released = false;
      const release = async (): Promise<void> => {
        if (released) return;
        released = true;
        await rm(path, { recursive: true, force: true }).finally(() => this.give(wanted));
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
        // Granted in the meantime: whoever asked sees the signal itself.
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

  private async prepare(): Promise<void> {
    this.owner = JSON.stringify({ ...currentProcess(), host: hostname() } satisfies Owner);
    await mkdir(this.root, { recursive: true });
    await sweepDownloads(this.root);
  }
}

/**
 * Deletes the copies that processes have left which were killed: those of this host at once, others after a day. To be called
 * when a process starts whose copies are of encrypted files; otherwise the first copy is soon enough.
 */
export async function sweepDownloads(root: string): Promise<void> {
  for (const name of await readdir(root).catch(() => [])) {
    const path = join(root, name);
    const changed = (await stat(path).catch(() => undefined))?.mtimeMs ?? Infinity;
    if (changed < Date.now() - STALE_MS || (await isLeft(path)))
      await rm(path, { recursive: true, force: true });
  }
}

async function isLeft(directory: string): Promise<boolean> {
  try {
    const { host, ...owner } = JSON.parse(await readFile(join(directory, OWNER), 'utf8')) as Owner;
    return host === hostname() && !isRunning(owner);
  } catch {
    // Without a name, or with half of one: it has just been made, or it is a day old some time.
    return false;
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
