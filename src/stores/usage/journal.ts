import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { createGroupCommit } from '../../platform/group-commit.js';
import { DAY_MS, MINUTE_MS } from '../../platform/time.js';
import type { UsageEntry } from './figures.js';
import { lineOf } from './lines.js';

interface OpenFile {
  readonly handle: FileHandle;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

/** What the names of journals end with. */
const SUFFIX = '.ndjson';
/** A process begins another file after this, so that the ledger may delete the one before. */
export const FILE_MS = 30 * MINUTE_MS;
/** Where no API folds them, as on a machine with a worker alone, they are kept for this long. */
const KEPT_MS = 30 * DAY_MS;

/**
 * Lines of what one process has counted, in files of its own below a directory that all processes of a data directory
 * share: `<milliseconds since the epoch>-<pid>-<6 hex digits>.ndjson`. An entry is on disk before what it counts is
 * reported as done: a crash between the two has it counted again under its name, and the ledger takes it once.
 */
export class UsageJournal {
  private waiting: string[] = [];
  private file: OpenFile | undefined;
  private readonly commit = createGroupCommit(() => this.write());

  constructor(
    private readonly directory: string,
    private readonly now: () => number = Date.now,
  ) {}

  /**
   * Writes entries; resolves when they are on disk. Entries that come while others are being flushed share the next flush.
   * Rejects with what the disk says: they may have been written all the same.
   */
  async add(entries: readonly UsageEntry[]): Promise<void> {
    if (entries.length === 0) return;
    for (const entry of entries) this.waiting.push(lineOf(entry));
    await this.commit();
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    if (this.waiting.length > 0) await this.commit().catch(() => undefined);
    await this.file?.handle.close();
    this.file = undefined;
  }

  private async write(): Promise<void> {
    const lines = this.waiting;
    this.waiting = [];
    try {
      const { handle } = await this.openFile();
      await handle.appendFile(lines.join(''));
      await handle.datasync();
    } catch (error) {
      // A line may be torn: nothing may follow it.
      await this.file?.handle.close().catch(() => undefined);
      this.file = undefined;
      throw error;
    }
  }

  private async openFile(): Promise<OpenFile> {
    const since = this.now();
    if (this.file !== undefined && Math.abs(since - this.file.since) < FILE_MS) return this.file;
    await this.file?.handle.close();
    this.file = undefined;
    await mkdir(this.directory, { recursive: true });
    for (const old of await readdir(this.directory))
      if (since - (begunAt(old) ?? since) > KEPT_MS) await rm(join(this.directory, old), { force: true });
    const name = `${since}-${process.pid}-${randomBytes(3).toString('hex')}${SUFFIX}`;
    return (this.file = { handle: await open(join(this.directory, name), 'ax'), since });
  }
}

/** When a journal was begun, milliseconds since the epoch, read from its file's name; undefined for other files. */
export function begunAt(name: string): number | undefined {
  const [, since] = /^(\d{1,15})-\d{1,10}-[0-9a-f]{6}\.ndjson$/.exec(name) ?? [];
  return since === undefined ? undefined : Number(since);
}
