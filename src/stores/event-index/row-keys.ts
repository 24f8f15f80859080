const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LINE_FEED = 0x0a;
const BEGIN = Buffer.from('{"specversion":"1.0","id":"');
const SOURCE = Buffer.from(',"source":"');
const TYPE = Buffer.from(',"type":"');
const TIME = Buffer.from(',"time":"');
const SUBJECT = Buffer.from(',"subject":"');
const RECEIVED_AT = ',"received_at":"';
/** With a time of 24 characters, a quote and a brace. */
const TAIL_LENGTH = RECEIVED_AT.length + 26;

/** What an index wants of an event's line. */
export interface RowKeys {
  /** UTF-8; a part of the line where that has it as it is. */
  readonly id: Uint8Array;
  readonly subject?: Uint8Array;
  /** RFC 3339, UTC. */
  readonly receivedAt: string;
}

/**
 * Reads id, subject and time of receipt of a line of a batch file. The usual line is not parsed, which would take most of
 * the time: its attributes are in the order in which they are written. Undefined for a line that is not an event.
 */
export function rowKeys(line: Buffer): RowKeys | undefined {
  return usualKeys(line) ?? parsedKeys(line);
}

/** Where each line ends, the last one too. */
export function* lineEnds(ndjson: Buffer, from = 0): Generator<[start: number, end: number]> {
  for (let start = from; start < ndjson.length;) {
    const feed = ndjson.indexOf(LINE_FEED, start);
    const end = feed === -1 ? ndjson.length : feed;
    yield [start, end];
    start = end + 1;
  }
}

function usualKeys(line: Buffer): RowKeys | undefined {
  if (!has(line, BEGIN, 0)) return undefined;
  const idEnd = endOfText(line, BEGIN.length);
  const sourceEnd = textAfter(line, SOURCE, idEnd);
  const typeEnd = textAfter(line, TYPE, sourceEnd);
  const timeEnd = textAfter(line, TIME, typeEnd);
  const tail = line.length - TAIL_LENGTH;
  if (timeEnd === -1 || tail < timeEnd) return undefined;
  if (line.toString('latin1', tail, tail + RECEIVED_AT.length) !== RECEIVED_AT) return undefined;
  if (line[line.length - 2] !== QUOTE) return undefined;
  const receivedAt = line.toString('latin1', tail + RECEIVED_AT.length, line.length - 2);
  const id = line.subarray(BEGIN.length, idEnd);
  if (!has(line, SUBJECT, timeEnd + 1)) return { id, receivedAt };
  const subjectEnd = textAfter(line, SUBJECT, timeEnd);
  if (subjectEnd === -1) return undefined;
  return { id, subject: line.subarray(timeEnd + 1 + SUBJECT.length, subjectEnd), receivedAt };
}

function parsedKeys(line: Buffer): RowKeys | undefined {
  let row: { id?: unknown; subject?: unknown; received_at?: unknown } | null;
  try {
    row = JSON.parse(line.toString()) as typeof row;
  } catch {
    return undefined;
  }
  if (typeof row?.id !== 'string' || typeof row.received_at !== 'string') return undefined;
  return {
    id: Buffer.from(row.id),
    ...(typeof row.subject === 'string' && { subject: Buffer.from(row.subject) }),
    receivedAt: row.received_at,
  };
}

/** Where the text ends that follows `name` behind the quote at `quote`; -1 where there is none, or it has escapes. */
function textAfter(line: Buffer, name: Buffer, quote: number): number {
  if (quote === -1 || !has(line, name, quote + 1)) return -1;
  return endOfText(line, quote + 1 + name.length);
}

function endOfText(line: Buffer, from: number): number {
  for (let at = from; at < line.length; at++) {
    if (line[at] === QUOTE) return at;
    if (line[at] === BACKSLASH) return -1;
  }
  return -1;
}

function has(line: Buffer, part: Buffer, from: number): boolean {
  for (let at = 0; at < part.length; at++) if (line[from + at] !== part[at]) return false;
  return true;
}
