import { watch, type FSWatcher } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';

/** What {@link FollowedDirectory} follows, and who is called with what. */
export interface FollowedDirectoryOptions {
  /** It has to be there, on a local file system. */
  readonly directory: string;
  /** The names of the files in it that count. */
  readonly list: () => Promise<readonly string[]>;
  /** A file is new, or another than it was. One that could not be read, where this throws, is read again at the next look. */
  readonly read: (name: string) => Promise<void>;
  /** A file is there no more. */
  readonly gone: (name: string) => void;
  /** A look has failed. Where another follows in any case: called once, until one goes well. */
  readonly failed: (error: unknown) => void;
  /** The operating system does not say any more what changes. */
  readonly unwatched: (error: unknown) => void;
  /**
   * How soon to look again after a look that has failed, and how often where the operating system does not say what changes.
   * Default: never, and a directory that cannot be watched cannot be opened.
   */
  readonly againMs?: number;
}

/** How long after a change to look: editors, and who replaces a file by a rename, make several at once. */
const DEBOUNCE_MS = 100;

/**
 * Follows the files of a directory by `fs.watch`. State: the signature (time, size, inode) of each file as last read. A change
 * in the directory starts the debounce timer; the timer a look; looks run one after another, each comparing signatures and
 * reading what differs. The directory is looked at as a whole because `fs.watch` does not say reliably what changed.
 */
export class FollowedDirectory {
  private readonly signatures = new Map<string, string>();
  private watcher?: FSWatcher;
  private soon?: NodeJS.Timeout;
  private polling?: NodeJS.Timeout;
  private looking: Promise<void> = Promise.resolve();
  private failing = false;
  private closed = false;

  constructor(private readonly options: FollowedDirectoryOptions) {}

  /**
   * Watches before the first look, so that a change between the two is not missed.
   * @throws what the first look throws, where there is no other soon
   */
  async open(): Promise<void> {
    this.watch();
    if (this.options.againMs !== undefined) return this.look();
    const first = this.scan();
    this.looking = first.catch(() => undefined);
    await first;
  }

  /** Looks now, after what is looking already. Does not throw: a failure is reported as any other. */
  look(): Promise<void> {
    this.looking = this.looking
      .then(() => this.scan())
      .then(() => void (this.failing = false))
      .catch((error: unknown) => this.failed(error));
    return this.looking;
  }

  /** Follows it no more, once what is looking has ended. */
  async close(): Promise<void> {
    this.closed = true;
    this.watcher?.close();
    clearTimeout(this.soon);
    clearInterval(this.polling);
    await this.looking;
  }

  private watch(): void {
    const { directory, unwatched, againMs } = this.options;
    const ended = (error: unknown): void => {
      unwatched(error);
      if (againMs !== undefined && !this.closed)
        this.polling ??= setInterval(() => void this.look(), againMs).unref();
    };
    try {
      this.watcher = watch(directory, () => this.lookSoon(DEBOUNCE_MS)).on('error', ended);
    } catch (error) {
      if (againMs === undefined) throw error;
      ended(error);
    }
  }

  private lookSoon(milliseconds: number): void {
    clearTimeout(this.soon);
    if (!this.closed) this.soon = setTimeout(() => void this.look(), milliseconds);
  }

  private failed(error: unknown): void {
    const { failed, againMs } = this.options;
    if (!this.failing || againMs === undefined) failed(error);
    this.failing = true;
    if (againMs !== undefined) this.lookSoon(againMs);
  }

  private async scan(): Promise<void> {
    const names = await this.options.list();
    const failures: unknown[] = [];
    for (const name of names) {
      if (this.closed) return;
      await this.readIfChanged(name).catch((error: unknown) => failures.push(error));
    }
    const present = new Set(names);
    for (const name of this.signatures.keys()) if (!present.has(name)) this.leave(name);
    if (failures.length > 0) throw failures[0];
  }

  private async readIfChanged(name: string): Promise<void> {
    const signature = await signatureOf(join(this.options.directory, name));
    // Gone since it was listed: the watcher has seen that too, and the next look removes it.
    if (signature === undefined || signature === this.signatures.get(name)) return;
    this.signatures.set(name, signature);
    try {
      await this.options.read(name);
    } catch (error) {
      this.signatures.set(name, UNREAD);
      throw error;
    }
  }

  private leave(name: string): void {
    this.signatures.delete(name);
    this.options.gone(name);
  }
}

/** Of a file that is to be read again whatever it is like. */
const UNREAD = '';

async function signatureOf(path: string): Promise<string | undefined> {
  try {
    const { mtimeNs, size, ino } = await stat(path, { bigint: true });
    return `${mtimeNs}/${size}/${ino}`;
  } catch {
    return undefined;
  }
}
