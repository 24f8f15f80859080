import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const FLIGHTS = fileURLToPath(new URL('../../examples/flights/flights.ndjson.gz', import.meta.url));

/** Widths of what is patched into each event, in bytes. */
const ID_DIGITS = 10;
const SUBJECT_DIGITS = 7;
const ISO_LENGTH = '2026-01-01T00:00:00.000Z'.length;
const ZERO = '0'.charCodeAt(0);
const [OPEN, COMMA, CLOSE] = [...Buffer.from('[,]')] as [number, number, number];

/** An event of the week as bytes, and where its id's number, its time and its subject's number are in them. */
interface Template {
  readonly bytes: Buffer;
  readonly idAt: number;
  readonly timeAt: number;
  readonly subjectAt: number;
}

/** Who is written about: `count` subjects numbered from `first` in steps of `step`. */
export interface SubjectRange {
  readonly first: number;
  readonly step: number;
  readonly count: number;
}

/**
 * Writes request bodies of real flight events, stamped anew: a unique id, the time given, a subject drawn evenly from a
 * range. The JSON is made once and only the stamped bytes change, since the generator shares the machine with what it
 * measures.
 */
export class EventWriter {
  private readonly templates: readonly Template[];
  private nextTemplate = 0;
  private nextId = 0;

  /** @param prefix begins every id; 8 letters or digits, different for each generator */
  constructor(prefix: string) {
    this.templates = readEvents().map((event) => templateOf(event, prefix));
  }

  /**
   * The body of a request: a JSON array, or for one event that event alone.
   * @param at the events' time, milliseconds since the epoch
   */
  body(events: number, at: number, subjects: SubjectRange): Buffer {
    const time = Buffer.from(new Date(at).toISOString(), 'latin1');
    if (events === 1) {
      const body = Buffer.allocUnsafe(this.upcoming(0).bytes.length);
      this.stamp(body, 0, time, subjects);
      return body;
    }
    let size = events + 1;
    for (let index = 0; index < events; index += 1) size += this.upcoming(index).bytes.length;
    const body = Buffer.allocUnsafe(size);
    let offset = 0;
    for (let index = 0; index < events; index += 1) {
      body[offset] = index === 0 ? OPEN : COMMA;
      offset = this.stamp(body, offset + 1, time, subjects);
    }
    body[offset] = CLOSE;
    return body;
  }

  private upcoming(ahead: number): Template {
    return this.templates[(this.nextTemplate + ahead) % this.templates.length] as Template;
  }

  /** Writes the next event at `offset` and returns where it ends. */
  private stamp(body: Buffer, offset: number, time: Buffer, { first, step, count }: SubjectRange): number {
    const template = this.upcoming(0);
    this.nextTemplate = (this.nextTemplate + 1) % this.templates.length;
    template.bytes.copy(body, offset);
    writeDigits(body, offset + template.idAt, ID_DIGITS, this.nextId++);
    time.copy(body, offset + template.timeAt);
    const subject = first + step * Math.floor(Math.random() * count);
    writeDigits(body, offset + template.subjectAt, SUBJECT_DIGITS, subject);
    return offset + template.bytes.length;
  }
}

/** A subject's name, as it is written into events. */
export function subjectName(number: number): string {
  return `S${String(number).padStart(SUBJECT_DIGITS, '0')}`;
}

type Event = Readonly<Record<string, unknown>>;

function readEvents(): Event[] {
  const lines = gunzipSync(readFileSync(FLIGHTS)).toString('utf8').trim().split('\n');
  return lines.map((line) => (JSON.parse(line) as { event: Event }).event);
}

function templateOf(event: Event, prefix: string): Template {
  const id = `${prefix}-${'0'.repeat(ID_DIGITS)}`;
  const time = '_'.repeat(ISO_LENGTH);
  const subject = subjectName(0);
  const bytes = Buffer.from(JSON.stringify({ ...event, id, time, subject }), 'utf8');
  return {
    bytes,
    idAt: bytes.indexOf(`"id":"${id}"`) + `"id":"${prefix}-`.length,
    timeAt: bytes.indexOf(time),
    subjectAt: bytes.indexOf(`"subject":"${subject}"`) + '"subject":"S'.length,
  };
}

function writeDigits(target: Buffer, offset: number, width: number, value: number): void {
  for (let at = offset + width - 1, rest = value; at >= offset; at -= 1) {
    const tenth = Math.floor(rest / 10);
    target[at] = ZERO + rest - tenth * 10;
    rest = tenth;
  }
}
