import { open } from 'node:fs/promises';
import { systemCodeOf } from '../errors.js';
import { DAY_MS, dayOf } from '../platform/time.js';
import { entryIn, type Entry } from './entry.js';
import { daysOf, fileOf, type AuditLogPlaces } from './files.js';

/** Which entries to read. Absent: all. */
export interface EntryFilter {
  readonly tenant?: string;
  /** Where there is no one tenant: whether entries of a tenant may be seen, or those of none. */
  readonly reaches?: (tenant: string | undefined) => boolean;
  readonly subject?: string;
  readonly act?: string;
  readonly kind?: Entry['kind'];
  /** Milliseconds since the epoch; the first that counts. */
  readonly from?: number;
  /** The first that counts no more. */
  readonly to?: number;
}

/** Between two lines. */
export interface ReadPosition {
  readonly day: string;
  readonly offset: number;
}

/** Bounds of one read. */
export interface ReadBounds {
  readonly maxEntries: number;
  /** About how much of the files is looked through. */
  readonly maxBytes: number;
}

/** What a read has found, the oldest first. */
export interface ReadPage {
  readonly entries: readonly Entry[];
  /** Where to go on; undefined at the end. */
  readonly next?: ReadPosition;
}

const CHUNK_BYTES = 256 * 1024;
const NEWLINE = 0x0a;

/** Reads entries from a position on, or from the beginning. Half a line at the end, which may be being written, is left. */
export async function readEntries(
  places: AuditLogPlaces,
  filter: EntryFilter,
  { maxEntries, maxBytes }: ReadBounds,
  after?: ReadPosition,
): Promise<ReadPage> {
  const entries: Entry[] = [];
  let bytes = 0;
  for (const day of await daysFor(places, filter, after)) {
    let offset = day === after?.day ? after.offset : 0;
    for await (const line of linesFrom(fileOf(places, day), offset)) {
      if (entries.length >= maxEntries || bytes >= maxBytes) return { entries, next: { day, offset } };
      offset = line.end;
      bytes += line.text.length;
      const entry = matching(line.text, filter);
      if (entry !== undefined) entries.push(entry);
    }
  }
  return { entries };
}

/** An act is never later than the day of its file; one that waited for midnight is in the file of the day after. */
async function daysFor(
  places: AuditLogPlaces,
  { from, to }: EntryFilter,
  after?: ReadPosition,
): Promise<string[]> {
  const first = [after?.day ?? '', from === undefined ? '' : dayOf(from)].sort().at(-1)!;
  const last = to === undefined ? '9999-12-31' : dayOf(to + DAY_MS);
  return (await daysOf(places)).filter((day) => day >= first && day <= last);
}

function matching(line: string, filter: EntryFilter): Entry | undefined {
  const { tenant, reaches, subject, act, kind, from = 0, to = Infinity } = filter;
  // Most lines are other tenants': no need to take them apart.
  if (tenant !== undefined && !line.includes(`"tenant":${JSON.stringify(tenant)}`)) return undefined;
  const entry = entryIn(line);
  if (entry === undefined) return undefined;
  const at = Date.parse(entry.at);
  const isWanted =
    (tenant === undefined || entry.tenant === tenant) &&
    (reaches === undefined || reaches(entry.tenant)) &&
    (subject === undefined || entry.subject === subject) &&
    (act === undefined || entry.act === act) &&
    (kind === undefined || entry.kind === kind);
  return isWanted && at >= from && at < to ? entry : undefined;
}

/** A line of a file, and where it ends. */
export interface FileLine {
  readonly text: string;
  /** Behind its newline. */
  readonly end: number;
}

/** The whole lines of a file; of one that is not there any more, none. */
export async function* linesFrom(path: string, from = 0): AsyncGenerator<FileLine> {
  const handle = await open(path, 'r').catch((error: unknown) => {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  try {
    let rest = Buffer.alloc(0);
    let end = from;
    while (handle !== undefined) {
      const { buffer, bytesRead } = await handle.read(
        Buffer.alloc(CHUNK_BYTES),
        0,
        CHUNK_BYTES,
        end + rest.length,
      );
      if (bytesRead === 0) return;
      const chunk = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
      let begin = 0;
      for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, begin)) {
        yield { text: chunk.toString('utf8', begin, at), end: end + at + 1 };
        begin = at + 1;
      }
      rest = chunk.subarray(begin);
      end += begin;
    }
  } finally {
    await handle?.close();
  }
}

/**
 * The entries that were written on a day and later, of whole lines.
 * @param having what the line has to have in it, so that others need not be taken apart
 */
export async function* entriesFrom(
  places: AuditLogPlaces,
  day: string,
  having: string,
): AsyncGenerator<Entry> {
  for (const each of (await daysOf(places)).filter((one) => one >= day))
    for await (const { text } of linesFrom(fileOf(places, each))) {
      const entry = text.includes(having) ? entryIn(text) : undefined;
      if (entry !== undefined) yield entry;
    }
}
