const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LINE_FEED = 0x0a;
const BEGIN = Buffer.from('{"specversion":"1.0","id":"');
const SOURCE = Buffer.from(',"source":"');
const TYPE = Buffer.from(',"type":"');
const TIME = Buffer.from(',"time":"');
const SUBJECT = Buffer.from(',"subject":"');
const RECEIVED_AT = Buffer.from(',"received_at":"');
/** RFC 3339 with milliseconds, UTC. */
const TIME_LENGTH = 24;
/** With the time, a quote and a brace. */
const TAIL_LENGTH = RECEIVED_AT.length + TIME_LENGTH + 2;

/** A text in octets: UTF-8, from one place up to another. */
export interface Octets {
  octets: Buffer;
  from: number;
  to: number;
}

/** A text as octets of its own. */
export function octetsOf(text: string): Octets {
  const octets = Buffer.from(text);
  return { octets, from: 0, to: octets.length };
}

/**
 * Reads id, subject and time of receipt of the lines of a batch file. The usual line is not parsed, which would take most of
 * the time: its attributes are in the order in which they are written. For the same reason no line is an object of its
 * own: what was read last is in the fields, and the next line overwrites it.
 */
export class RowKeys {
  /** Of the event. */
  readonly id: Octets;
  /** Whether the event has a subject. */
  hasSubject = false;
  /** Of the event, where it has one. */
  readonly subject: Octets;
  /** RFC 3339, UTC. */
  receivedAt = '';
  /** Where the line is that has {@link RowKeys.receivedAt} at its end: events of a request share theirs. */
  private timeAt = -1;

  /** @param ndjson what lines are read of */
  constructor(private readonly ndjson: Buffer) {
    this.id = { octets: ndjson, from: 0, to: 0 };
    this.subject = { octets: ndjson, from: 0, to: 0 };
  }

  /** Reads the line from one place up to another. False for one that is not an event. */
  read(start: number, end: number): boolean {
    return this.readUsual(start, end) || this.readParsed(start, end);
  }

  private readUsual(start: number, end: number): boolean {
    const { ndjson, id, subject } = this;
    if (!has(ndjson, BEGIN, start)) return false;
    id.from = start + BEGIN.length;
    id.to = endOfText(ndjson, id.from, end);
    const sourceEnd = textAfter(ndjson, SOURCE, id.to, end);
    const typeEnd = textAfter(ndjson, TYPE, sourceEnd, end);
    const timeEnd = textAfter(ndjson, TIME, typeEnd, end);
    if (timeEnd === -1) return false;
    this.hasSubject = has(ndjson, SUBJECT, timeEnd + 1);
    if (this.hasSubject) {
      subject.from = timeEnd + 1 + SUBJECT.length;
      subject.to = endOfText(ndjson, subject.from, end);
      if (subject.to === -1) return false;
    }
    [id.octets, subject.octets] = [ndjson, ndjson];
    return this.readTime(timeEnd, end);
  }

  private readTime(after: number, end: number): boolean {
    const { ndjson } = this;
    const tail = end - TAIL_LENGTH;
    if (tail < after || !has(ndjson, RECEIVED_AT, tail) || ndjson[end - 2] !== QUOTE) return false;
    const at = tail + RECEIVED_AT.length;
    if (this.timeAt === -1 || !sameAt(ndjson, this.timeAt, at, TIME_LENGTH)) {
      this.receivedAt = ndjson.toString('latin1', at, at + TIME_LENGTH);
      this.timeAt = at;
    }
    return true;
  }

  private readParsed(start: number, end: number): boolean {
    let row: { id?: unknown; subject?: unknown; received_at?: unknown } | null;
    try {
      row = JSON.parse(this.ndjson.toString('utf8', start, end)) as typeof row;
    } catch {
      return false;
    }
    if (typeof row?.id !== 'string' || typeof row.received_at !== 'string') return false;
    Object.assign(this.id, octetsOf(row.id));
    this.hasSubject = typeof row.subject === 'string';
    if (typeof row.subject === 'string') Object.assign(this.subject, octetsOf(row.subject));
    this.receivedAt = row.received_at;
    this.timeAt = -1;
    return true;
  }
}

/** Where the line ends that begins at `start`. */
export function endOfLine(ndjson: Buffer, start: number): number {
  const feed = ndjson.indexOf(LINE_FEED, start);
  return feed === -1 ? ndjson.length : feed;
}

/** Where the text ends that follows `name` behind the quote at `quote`; -1 where there is none, or it has escapes. */
function textAfter(ndjson: Buffer, name: Buffer, quote: number, end: number): number {
  if (quote === -1 || !has(ndjson, name, quote + 1)) return -1;
  return endOfText(ndjson, quote + 1 + name.length, end);
}

function endOfText(ndjson: Buffer, from: number, end: number): number {
  for (let at = from; at < end; at++) {
    if (ndjson[at] === QUOTE) return at;
    if (ndjson[at] === BACKSLASH) return -1;
  }
  return -1;
}

function has(ndjson: Buffer, part: Buffer, from: number): boolean {
  for (let at = 0; at < part.length; at++) if (ndjson[from + at] !== part[at]) return false;
  return true;
}

function sameAt(ndjson: Buffer, one: number, other: number, length: number): boolean {
  // From the end: times differ there.
  for (let at = length - 1; at >= 0; at--) if (ndjson[one + at] !== ndjson[other + at]) return false;
  return true;
}
