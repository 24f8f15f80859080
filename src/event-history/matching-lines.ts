import type { EventRow } from '../events/event.js';
import { endOfLine } from '../stores/event-index/row-keys.js';

const LINE_FEED = 0x0a;

/** A line that matches, and the event on it. */
export interface MatchingLine {
  readonly line: number;
  readonly row: EventRow;
}

/** The events in NDJSON of which an attribute has a value, in order. Only lines that have the text are parsed. */
export function matchingLines(
  ndjson: Buffer,
  attribute: 'id' | 'subject' | 'event_id',
  value: string,
): MatchingLine[] {
  const written = JSON.stringify(value);
  const wanted = Buffer.from(`"${attribute}":${written}`);
  const found: MatchingLine[] = [];
  let [line, counted] = [0, 0];
  for (let at = ndjson.indexOf(wanted); at !== -1; at = ndjson.indexOf(wanted, counted)) {
    const start = ndjson.lastIndexOf(LINE_FEED, at) + 1;
    line += linesBetween(ndjson, counted, start);
    const end = endOfLine(ndjson, start);
    const row = rowOf(ndjson.toString('utf8', start, end));
    if (row?.[attribute] === value) found.push({ line, row: row as unknown as EventRow });
    line++;
    counted = end + 1;
    if (counted >= ndjson.length) break;
  }
  return found;
}

function linesBetween(ndjson: Buffer, from: number, to: number): number {
  let lines = 0;
  for (let at = ndjson.indexOf(LINE_FEED, from); at !== -1 && at < to; at = ndjson.indexOf(LINE_FEED, at + 1))
    lines++;
  return lines;
}

/** Undefined for a line that is not JSON. */
function rowOf(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
