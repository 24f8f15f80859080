import { entryIn, type Entry } from './entry.js';
import { daysOf, fileOf, type AuditLogPlaces } from './files.js';
import { linesFrom, type ReadBounds, type ReadPosition } from './read.js';

/** Where a log begins. */
export const BEGINNING: ReadPosition = { day: '', offset: 0 };

/** Finds how far a read that begins at a position comes within bounds; the same position at the end of the log. */
export async function stretchEnd(
  places: AuditLogPlaces,
  from: ReadPosition,
  { maxEntries, maxBytes }: ReadBounds,
): Promise<ReadPosition> {
  let end = from;
  let [lines, bytes] = [0, 0];
  for (const day of (await daysOf(places)).filter((each) => each >= from.day))
    for await (const line of linesFrom(fileOf(places, day), day === from.day ? from.offset : 0)) {
      if (lines >= maxEntries || bytes >= maxBytes) return end;
      lines++;
      bytes += line.text.length;
      end = { day, offset: line.end };
    }
  return end;
}

/** The entries from one position to another: the same each time, but for days that were deleted meanwhile. */
export async function* entriesBetween(
  places: AuditLogPlaces,
  from: ReadPosition,
  to: ReadPosition,
): AsyncGenerator<Entry> {
  const days = (await daysOf(places)).filter((day) => day >= from.day && day <= to.day);
  for (const day of days)
    for await (const { text, end } of linesFrom(fileOf(places, day), day === from.day ? from.offset : 0)) {
      if (day === to.day && end > to.offset) return;
      const entry = entryIn(text);
      if (entry !== undefined) yield entry;
    }
}
