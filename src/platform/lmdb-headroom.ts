import { fstatSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';

const MB = 1024 * 1024;
/** Appended ahead of need, so that a write seldom waits for it. */
const AHEAD_BYTES = 4 * MB;
const PIECE = Buffer.alloc(MB);
/** Kept back for writes that add nothing: on a full disk a database must be able to let go of what it holds. */
const KEPT_BACK_BYTES = MB;
/** Pages that any transaction may write besides its records: the path to each, in each database, and the free list. */
const TRANSACTION_BYTES = 32 * 4096;
/** A record may split its page, and its value ends in the midst of one. */
const RECORD_BYTES = 2 * 4096;

/** What a write adds to an environment, at most. */
export interface Addition {
  readonly records: number;
  /** Bytes of their values. */
  readonly bytes: number;
}

interface Waiting {
  readonly needed: number;
  /** Room that must be there for it to begin. */
  readonly wanted: number;
  readonly begin: () => void;
  readonly refuse: (reason: unknown) => void;
}

/**
 * Room at the end of LMDB's data file that is allocated but not used yet, so that LMDB never asks a full disk for more:
 * when not one byte can be written, the LMDB of lmdb-js 3.5.6 formats its message past the end of a buffer, and the
 * process aborts.
 *
 * LMDB counts its pages by its own meta page and does not mind a longer file. Room is made by appending (`O_APPEND`), so
 * what LMDB writes meanwhile, at places of its own choosing, is before it or over it, never under it. One process writes
 * to an environment: two would both count the same room as theirs.
 *
 * Writes begin in the order they come in; one for which room is being made holds up those behind it. States of a byte
 * past the used ones: spare → reserved by a write under way → used, or spare again at the next look.
 */
export class Headroom {
  private readonly waiting: Waiting[] = [];
  private file?: FileHandle;
  private spare = 0;
  private reserved = 0;
  private serving = Promise.resolve();
  private idle = true;

  /**
   * @param path LMDB's data file
   * @param used bytes of it that LMDB uses, counted when asked
   */
  constructor(
    private readonly path: string,
    private readonly used: () => number,
  ) {}

  /**
   * Runs a write once there is room for it. One without an addition may use what is kept back.
   * @throws Error of the file system (`ENOSPC`): there is no room, and the write has not begun
   */
  run<T>(addition: Addition | undefined, write: () => Promise<T>): Promise<T> {
    const needed = TRANSACTION_BYTES + (addition?.records ?? 0) * RECORD_BYTES + (addition?.bytes ?? 0);
    const wanted = needed + (addition === undefined ? 0 : KEPT_BACK_BYTES);
    // Begun at once where it can be: the order of writes is the order of calls.
    if (this.waiting.length === 0 && this.spare >= wanted) return this.begin(needed, write);
    return new Promise<T>((resolve, refuse) => {
      this.waiting.push({ needed, wanted, begin: () => resolve(this.begin(needed, write)), refuse });
      if (this.idle) this.serving = this.serve();
    });
  }

  /** Waits for what waits, and makes no more room. */
  async close(): Promise<void> {
    await this.serving;
    await this.file?.close();
    this.file = undefined;
  }

  private async begin<T>(needed: number, write: () => Promise<T>): Promise<T> {
    this.spare -= needed;
    this.reserved += needed;
    try {
      return await write();
    } finally {
      this.reserved -= needed;
    }
  }

  private async serve(): Promise<void> {
    this.idle = false;
    for (let first = this.waiting[0]; first !== undefined; first = this.waiting[0]) {
      const failure = this.spare < first.wanted ? await this.makeRoom(first.wanted) : undefined;
      this.waiting.shift();
      if (this.spare < first.wanted) first.refuse(failure);
      else first.begin();
    }
    this.idle = true;
  }

  /** Looks how much is spare, and appends until that is enough and some more, or until it fails. */
  private async makeRoom(wanted: number): Promise<unknown> {
    try {
      this.file ??= await open(this.path, 'a');
      this.spare = fstatSync(this.file.fd).size - this.used() - this.reserved;
      if (this.spare >= wanted) return undefined;
      while (this.spare < wanted + AHEAD_BYTES) this.spare += (await this.file.write(PIECE)).bytesWritten;
      return undefined;
    } catch (error) {
      return error;
    }
  }
}
