import { closeSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Notes which tasks of Temporal this process holds. */
export interface HeldTasks {
  /** Temporal has handed this task out to us. */
  taken(taskToken: Uint8Array): void;
  /** Our work on it is over. */
  ended(taskToken: Uint8Array): void;
}

/** What a process held when it ended, as far as its journal says. */
export interface JournalContents {
  /** The identity it had for Temporal; absent where the journal's first line is damaged. */
  readonly identity?: string;
  /** Task tokens: of what it held, and of some that it had ended shortly before. */
  readonly taskTokens: readonly Uint8Array[];
}

/** What a {@link TaskJournal} needs. */
export interface TaskJournalOptions {
  /** Is there, and belongs to this process alone. */
  readonly directory: string;
  /** How Temporal knows this process. */
  readonly identity: string;
  /** Called once when the disk does not take a write; the journal then lacks something until it does. */
  readonly onFailure: (error: unknown) => void;
  /** Milliseconds of any one clock. */
  readonly now?: () => number;
}

/** The file in a process's own directory. */
const FILE = 'tasks';
/** A task is noted as ended before Temporal has heard so; until then its token is still worth something. */
const KEPT_MS = 2_000;
/** The journal is written anew when it is this long, and twice as long as it was the last time. */
const REWRITE_BYTES = 64 * 1024;
/** Tokens have some 300 bytes, identities some 40. Longer lines are none of ours. */
const MAX_LINE = 4_096;
const TOKEN = /^(?=.)(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const IDENTITY = /^identity ([\x21-\x7e]{1,200})$/;

/**
 * A file with the task tokens that this process holds, one a line in base64, for the process that comes after it. Tokens are
 * appended as tasks are taken up. Those of ended tasks stay until the file is written anew, which happens often enough
 * to keep it within twice what is held: Temporal refuses them.
 *
 * Nothing is flushed to the disk: a process that is killed leaves its writes to the kernel. After a power cut lines may
 * be missing or torn, and what they named is missed by Temporal itself, after its heartbeat timeout.
 */
export class TaskJournal implements HeldTasks {
  private readonly held = new Set<string>();
  /** Tasks that ended a moment ago, and when. */
  private readonly justEnded = new Map<string, number>();
  private readonly path: string;
  private fd: number;
  private bytes = 0;
  private rewriteAt = REWRITE_BYTES;
  private failing = false;

  private readonly now: () => number;

  /** Begins a new journal. Throws what the disk says. */
  constructor(private readonly options: TaskJournalOptions) {
    this.now = options.now ?? (() => performance.now());
    this.path = join(options.directory, FILE);
    this.fd = this.begin();
  }

  taken(taskToken: Uint8Array): void {
    const token = base64(taskToken);
    this.held.add(token);
    this.guard(() => {
      // Whatever a failed write has left there ends with the line.
      this.bytes += writeSync(this.fd, this.failing ? `\n${token}\n` : `${token}\n`);
      if (this.bytes < this.rewriteAt) return;
      const old = this.fd;
      this.fd = this.begin();
      closeSync(old);
    });
  }

  ended(taskToken: Uint8Array): void {
    const token = base64(taskToken);
    if (this.held.delete(token)) this.justEnded.set(token, this.now());
  }

  /** Ends it; the file stays. */
  close(): void {
    closeSync(this.fd);
  }

  /** Writes the file with what is held now, beside the old one and then in its place. */
  private begin(): number {
    const now = this.now();
    for (const [token, at] of this.justEnded) if (now - at > KEPT_MS) this.justEnded.delete(token);
    const lines = [`identity ${this.options.identity}`, ...this.held, ...this.justEnded.keys()];
    const text = `${lines.join('\n')}\n`;
    const next = `${this.path}.new`;
    writeFileSync(next, text);
    renameSync(next, this.path);
    this.bytes = text.length;
    this.rewriteAt = Math.max(REWRITE_BYTES, 2 * text.length);
    return openSync(this.path, 'a');
  }

  /** No work stops for want of a note: Temporal misses what is lost, only later. */
  private guard(write: () => void): void {
    try {
      write();
      this.failing = false;
    } catch (error) {
      if (!this.failing) this.options.onFailure(error);
      this.failing = true;
    }
  }
}

/** Reads the journal in the directory of a process that has ended. Damaged lines are passed over; no file is an empty one. */
export function readJournal(directory: string): JournalContents {
  const [first = '', ...lines] = textOf(join(directory, FILE)).split('\n');
  const identity = IDENTITY.exec(first)?.[1];
  const tokens = new Set(lines.filter((line) => line.length <= MAX_LINE && TOKEN.test(line)));
  return { identity, taskTokens: [...tokens].map((token) => Buffer.from(token, 'base64')) };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function base64(taskToken: Uint8Array): string {
  return Buffer.from(taskToken.buffer, taskToken.byteOffset, taskToken.byteLength).toString('base64');
}
