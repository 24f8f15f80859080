import { open, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HeadgateError, systemCodeOf } from '../errors.js';
import { flushDirectory, makeDirectory, writeDurably } from '../platform/durable-file.js';
import { describeOwner, lockFile } from '../platform/file-lock.js';
import { readTextIfThere } from '../platform/read-if-there.js';
import { CUT, EXPIRED, GENESIS, lineAfter, prepared, SHORTENED, type Act, type Position } from './entry.js';
import { daysOf, fileOf, type AuditLogPlaces } from './files.js';
import { headCopy, publicKeyFile, signHead, signingKey, verifiedHead, type Head } from './signing-key.js';
import { tailOf } from './tail.js';
import { dayOf } from '../platform/time.js';

/** How long other processes may hold the chain: each writes and flushes some lines. */
const LOCK_MS = 10_000;

interface End extends Position {
  /** Empty while there is no file. */
  readonly day: string;
  /** Bytes of the day's file. */
  readonly size: number;
}

/**
 * The chain of lines in the files of a data directory. Processes append to it in turn: each takes the lock, goes on from the
 * last line of any of them, and flushes before it lets go.
 */
export class Chain {
  private known: End | undefined;

  constructor(
    private readonly places: AuditLogPlaces,
    private readonly now: () => number = Date.now,
  ) {}

  /** Appends acts in their order, durably. @throws HeadgateError `FILE_UNWRITABLE`, `DISK_FULL` */
  append(acts: readonly Act[]): Promise<Position> {
    return this.locked(() => this.write(acts));
  }

  /** Signs where the log is. Undefined while it is empty, or if that is what was signed before. */
  sign(signed?: Position): Promise<Head | undefined> {
    return this.locked(async () => {
      const { seq, hash } = await this.repairedEnd();
      if (seq === 0 || hash === signed?.hash) return undefined;
      const head = { seq, hash, at: new Date(this.now()).toISOString() };
      const jws = await signHead(await signingKey(this.places.keys), head);
      for (const file of [headCopy(this.places.keys), this.places.head])
        await writeDurably(file, (temporary) => writeFile(temporary, `${jws}\n`, { mode: 0o600 }));
      return head;
    });
  }

  /**
   * Deletes the files of days that ended before `keepMs` ago; an entry says up to which line.
   * @returns how many days
   */
  expire(keepMs: number): Promise<number> {
    return this.locked(async () => {
      const { day: current } = await this.repairedEnd();
      const oldest = dayOf(this.now() - keepMs);
      const expired = (await daysOf(this.places)).filter((day) => day < oldest && day < current);
      const last = expired.at(-1);
      if (last === undefined) return 0;
      const { seq, hash } = (await tailOf(fileOf(this.places, last))).last ?? GENESIS;
      await this.write([own(EXPIRED, { day: last, seq: String(seq), hash })]);
      for (const day of expired) await rm(fileOf(this.places, day), { force: true });
      return expired.length;
    });
  }

  /** Runs `work` while nobody writes. */
  async locked<T>(work: () => Promise<T>): Promise<T> {
    await makeDirectory(this.places.directory);
    const lock = await lockFile(join(this.places.directory, '.lock'), {
      waitMs: LOCK_MS,
      held: (owner) =>
        new HeadgateError('FILE_UNWRITABLE', `The audit log is held by ${describeOwner(owner)}.`),
    });
    try {
      return await work();
    } finally {
      lock.release();
    }
  }

  private async write(acts: readonly Act[]): Promise<Position> {
    const end = await this.repairedEnd();
    const now = this.now();
    // With a clock that was set back the order of the lines stays that of the files.
    const day = dayOf(now) > end.day ? dayOf(now) : end.day;
    let at: Position = end;
    let text = '';
    for (const act of acts) {
      const { line, ...next } = lineAfter(at, prepared(act, now));
      text += line;
      at = next;
    }
    const size = await this.appendText(day, text, day === end.day ? end.size : 0);
    this.known = { ...at, day, size };
    return at;
  }

  private async appendText(day: string, text: string, size: number): Promise<number> {
    // Until it is known how far this one has come.
    this.known = undefined;
    const bytes = Buffer.from(text);
    const handle = await open(fileOf(this.places, day), 'a', 0o600);
    try {
      await handle.appendFile(bytes);
      await handle.datasync();
      if (size === 0) await flushDirectory(this.places.directory);
      return size + bytes.length;
    } catch (error) {
      // Else what is tried again would be there twice.
      await handle.truncate(size).catch(() => undefined);
      if (systemCodeOf(error) !== 'ENOSPC') throw error;
      const message = 'There is no room on the disk for the audit log.';
      throw new HeadgateError('DISK_FULL', message, { retryable: true, cause: error });
    } finally {
      await handle.close();
    }
  }

  /** Where the chain goes on. What is wrong with its end is said in the log, once. */
  private async repairedEnd(): Promise<End> {
    const last = (await daysOf(this.places)).at(-1);
    if (last !== undefined && this.known?.day === last) {
      const { size } = await stat(fileOf(this.places, last));
      if (size === this.known.size) return this.known;
    }
    const { cut, ...end } = await this.findEnd();
    this.known = end;
    const signed = await this.signedBefore();
    const isShort = signed !== undefined && (signed.seq > end.seq || isOther(signed, end));
    const wrong = [
      ...(cut > 0 ? [own(CUT, { bytes: String(cut) })] : []),
      ...(isShort ? [own(SHORTENED, { seq: String(signed.seq), hash: signed.hash })] : []),
    ];
    if (wrong.length > 0) await this.write(wrong);
    return this.known;
  }

  /** Cuts half a line at the end of the last file. Lines that are whole stay, whatever is wrong with them. */
  private async findEnd(): Promise<End & { readonly cut: number }> {
    const days = (await daysOf(this.places)).toReversed();
    const [day = ''] = days;
    let size = 0;
    let cut = 0;
    for (const each of days) {
      const path = fileOf(this.places, each);
      const tail = await tailOf(path);
      if (each === day) {
        size = tail.size - tail.halfBytes;
        cut = tail.halfBytes;
        if (cut > 0) await truncate(path, size);
      }
      if (tail.last !== undefined) return { ...tail.last, day, size, cut };
    }
    return { ...GENESIS, day, size, cut };
  }

  private async signedBefore(): Promise<Head | undefined> {
    const files = [this.places.head, headCopy(this.places.keys)];
    const signed = (await Promise.all(files.map(readTextIfThere))).filter((text) => text !== undefined);
    if (signed.length === 0) return undefined;
    await signingKey(this.places.keys);
    const key = publicKeyFile(this.places.keys);
    const heads = await Promise.all(signed.map((text) => verifiedHead(text, key)));
    return heads.reduce((latest, head) => ((head?.seq ?? 0) > (latest?.seq ?? 0) ? head : latest), undefined);
  }
}

function isOther(signed: Position, end: Position): boolean {
  return signed.seq === end.seq && signed.hash !== end.hash;
}

/** What Headgate itself says in its log. */
function own(act: string, params: Readonly<Record<string, string>>): Act {
  return { act, kind: 'changes', role: 'headgate', params, outcome: 'ok' };
}
