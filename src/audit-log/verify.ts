import { stat } from 'node:fs/promises';
import { MINUTE_MS } from '../platform/time.js';
import { readTextIfThere } from '../platform/read-if-there.js';
import { Chain } from './chain.js';
import { EXPIRED, GENESIS, SHORTENED, entryIn, type Entry, type Position } from './entry.js';
import { daysOf, fileOf, type AuditLogPlaces } from './files.js';
import { linesFrom } from './read.js';
import { headCopy, publicKeyFile, verifiedHead, type Head } from './signing-key.js';

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

/** Far longer than the log goes on without being signed. */
const SIGNED_WITHIN_MS = 10 * MINUTE_MS;

/** More problems are not named: most of them would have one cause. */
const MOST_PROBLEMS = 100;

/**
 * Finds lines that were altered, removed or put elsewhere, a beginning that is missing, and an end that was cut behind a head
 * that is known. What was written while it looks is left out.
 * @throws HeadgateError `KEY_MISSING`
 */
export async function verifyAuditLog(places: AuditLogPlaces, options: VerifyOptions = {}): Promise<Verified> {
  const { signed, copy, files } = await new Chain(places).locked(() => snapshot(places));
  const key = options.key ?? publicKeyFile(places.keys);
  const head = signed === undefined ? undefined : await verifiedHead(signed, key);
  const kept = copy === undefined ? undefined : await verifiedHead(copy, key);
  const walk = new Walk(head?.seq);
  if (signed !== undefined && head === undefined)
    walk.problem(`The signature of the head (${places.head}) is not by this key.`);
  if (head !== undefined && kept !== undefined && kept.seq > head.seq)
    walk.problem(
      `The head (${places.head}) was put back: it says line ${head.seq}, and line ${kept.seq} was signed later (${headCopy(places.keys)}).`,
    );
  const others = [...(options.heads ?? []), ...(kept === undefined ? [] : [kept])];
  const known = new Map(others.map(({ seq, hash }) => [seq, hash]));
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
  const ends = new Set([...(head === undefined ? [] : [head]), ...others].map(({ seq }) => seq));
  for (const seq of ends)
    if (seq > (walk.last?.seq ?? 0))
      walk.problem(`The end is missing: line ${seq} was signed, and the last is ${walk.last?.seq ?? 0}.`);
  if (head !== undefined) walk.compareTimes(head);
  return { ...walk.result(), head };
}

async function snapshot(
  places: AuditLogPlaces,
): Promise<{ signed?: string; copy?: string; files: { day: string; size: number }[] }> {
  const days = await daysOf(places);
  const files = days.map(async (day) => ({ day, size: (await stat(fileOf(places, day))).size }));
  const [signed, copy] = await Promise.all([places.head, headCopy(places.keys)].map(readTextIfThere));
  return { signed, copy, files: await Promise.all(files) };
}

/** Goes over the lines, and compares each with the one before it. */
class Walk {
  private readonly problems: string[] = [];
  private entries = 0;
  private first: Entry | undefined;
  last: Entry | undefined;
  /** The first line behind the signed head. */
  private unsigned: Entry | undefined;
  /** Lines since the last good one that are not. */
  private bad = 0;
  /** Ends of what was deleted as it was old, as the log says. */
  private readonly expired: Position[] = [];

  /** @param signedTo number of the line that the head is of; by default none is looked for behind it */
  constructor(private readonly signedTo = Number.POSITIVE_INFINITY) {}

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
    // Acts that were made in Temporal come later than they were made.
    if (entry.seq > this.signedTo && entry.role !== 'temporal') this.unsigned ??= entry;
    this.note(entry);
    examine(entry);
    this.last = entry;
  }

  /** A line is signed within a minute, or by the next process: what was not is of one moment. */
  compareTimes(head: Head): void {
    const { last, unsigned } = this;
    if (last === undefined || unsigned === undefined || last.role === 'temporal') return;
    const late = Date.parse(last.at) - Date.parse(unsigned.at);
    if (late <= SIGNED_WITHIN_MS) return;
    this.problem(
      `The head is of line ${head.seq}, and lines of ${unsigned.at} to ${last.at} follow that are not signed: the head was put back, or could not be written.`,
    );
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
