import { stat } from 'node:fs/promises';
import { readTextIfThere } from '../platform/read-if-there.js';
import { Chain } from './chain.js';
import { EXPIRED, GENESIS, SHORTENED, entryIn, type Entry, type Position } from './entry.js';
import { daysOf, fileOf, type AuditLogPlaces } from './files.js';
import { linesFrom } from './read.js';
import { publicKeyFile, verifiedHead, type Head } from './signing-key.js';

/** What {@link verifyAuditLog} verifies with. */
export interface VerifyOptions {
  /** A copy of the public key that was kept elsewhere. Default: the one in the data directory. */
  readonly key?: string;
  /** Heads that are known from elsewhere, as the lines `AUDIT_LOG_SIGNED` have them. */
  readonly heads?: readonly Position[];
}

/** What came of it. */
export interface Verified {
  /** In the order of the log, the first 100; empty where all is as it was written. */
  readonly problems: readonly string[];
  readonly entries: number;
  readonly first?: Entry;
  readonly last?: Entry;
  readonly head?: Head;
}

/** More problems are not named: most of them would have one cause. */
const MOST_PROBLEMS = 100;

/**
 * Finds lines that were altered, removed or put elsewhere, a beginning that is missing, and an end that was cut behind a head
 * that is known. What was written while it looks is left out.
 * @throws HeadgateError `KEY_MISSING`
 */
export async function verifyAuditLog(places: AuditLogPlaces, options: VerifyOptions = {}): Promise<Verified> {
  const { signed, files } = await new Chain(places).locked(() => snapshot(places));
  const walk = new Walk();
  const known = new Map((options.heads ?? []).map(({ seq, hash }) => [seq, hash]));
  let head: Head | undefined;
  if (signed !== undefined) {
    head = await verifiedHead(signed, options.key ?? publicKeyFile(places.keys));
    if (head === undefined) walk.problem(`The signature of the head (${places.head}) is not by this key.`);
  }
  for (const { day, size } of files) {
    let number = 0;
    for await (const { text, end } of linesFrom(fileOf(places, day))) {
      if (end > size) break;
      number++;
      walk.line(text, `${fileOf(places, day)}:${number}`, (entry) => {
        const hash = known.get(entry.seq) ?? entry.hash;
        const wrong = hash !== entry.hash || (entry.seq === head?.seq && head.hash !== entry.hash);
        if (wrong) walk.problem(`Line ${entry.seq} is another than the one that was signed.`);
      });
    }
  }
  if (signed === undefined && files.length > 0)
    walk.problem(`There is no signed head (${places.head}): how far the log went cannot be told.`);
  for (const { seq } of [...(head === undefined ? [] : [head]), ...(options.heads ?? [])])
    if (seq > (walk.last?.seq ?? 0))
      walk.problem(`The end is missing: line ${seq} was signed, and the last is ${walk.last?.seq ?? 0}.`);
  return { ...walk.result(), head };
}

async function snapshot(
  places: AuditLogPlaces,
): Promise<{ signed?: string; files: { day: string; size: number }[] }> {
  const days = await daysOf(places);
  const files = days.map(async (day) => ({ day, size: (await stat(fileOf(places, day))).size }));
  return { signed: await readTextIfThere(places.head), files: await Promise.all(files) };
}

/** Goes over the lines, and compares each with the one before it. */
class Walk {
  private readonly problems: string[] = [];
  private entries = 0;
  private first: Entry | undefined;
  last: Entry | undefined;
  /** Lines since the last good one that are not. */
  private bad = 0;
  /** Ends of what was deleted as it was old, as the log says. */
  private readonly expired: Position[] = [];

  problem(text: string): void {
    if (this.problems.length < MOST_PROBLEMS) this.problems.push(text);
  }

  line(text: string, where: string, examine: (entry: Entry) => void): void {
    const entry = entryIn(text);
    if (entry === undefined) {
      this.bad++;
      return this.problem(
        `${where}: the line was altered, or is damaged; it follows line ${this.last?.seq ?? 0}.`,
      );
    }
    this.entries++;
    if (this.last === undefined) this.first = this.bad === 0 ? entry : this.first;
    else this.compare(entry, this.last, where);
    this.bad = 0;
    this.note(entry);
    examine(entry);
    this.last = entry;
  }

  private compare({ seq, previous }: Entry, last: Entry, where: string): void {
    if (previous === last.hash && seq === last.seq + 1) return;
    // Its line before is there, and cannot be compared.
    if (this.bad > 0 && seq === last.seq + 1 + this.bad) return;
    if (seq <= last.seq) return this.problem(`${where}: line ${seq} comes after line ${last.seq}.`);
    if (seq === last.seq + 1)
      return this.problem(`${where}: line ${seq} was written after another line ${last.seq} than this one.`);
    this.problem(`${where}: lines ${last.seq + 1} to ${seq - 1} are missing.`);
  }

  private note({ seq, act, role, params = {} }: Entry): void {
    if (role !== 'headgate') return;
    if (act === EXPIRED) this.expired.push({ seq: Number(params.seq), hash: params.hash ?? '' });
    if (act === SHORTENED)
      this.problem(
        `The end was cut before line ${seq}: line ${params.seq} had been signed, as that line says.`,
      );
  }

  result(): Pick<Verified, 'problems' | 'entries' | 'first' | 'last'> {
    const { entries, first, last } = this;
    const begins = first && { seq: first.seq - 1, hash: first.previous };
    const isBeginning =
      begins === undefined ||
      [GENESIS, ...this.expired].some(({ seq, hash }) => seq === begins.seq && hash === begins.hash);
    const missing = `The beginning is missing: the first line is ${first?.seq}, and nothing says that those before it were old.`;
    return { problems: isBeginning ? this.problems : [missing, ...this.problems], entries, first, last };
  }
}
