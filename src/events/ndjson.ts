const LINE_FEED = 0x0a;

/** Line feeds in NDJSON: its lines, when the last one has its line feed as well. */
export function countLineFeeds(ndjson: Buffer): number {
  let feeds = 0;
  for (let at = ndjson.indexOf(LINE_FEED); at !== -1; at = ndjson.indexOf(LINE_FEED, at + 1)) feeds++;
  return feeds;
}

/**
 * The lines of NDJSON in memory, each decoded when it is asked for: all at once of a file of 64 MB, which a tenant may have
 * its batches be, would hold up everybody. Four bytes a line beside the content.
 */
export class TextLines {
  readonly length: number;
  /** Where each line begins; behind the last one, where another would. */
  private readonly starts: Uint32Array;

  constructor(private readonly ndjson: Buffer) {
    const isEnded = ndjson.length === 0 || ndjson.at(-1) === LINE_FEED;
    this.length = countLineFeeds(ndjson) + (isEnded ? 0 : 1);
    this.starts = new Uint32Array(this.length + 1);
    for (let line = 1; line <= this.length; line++) {
      const feed = ndjson.indexOf(LINE_FEED, this.starts[line - 1]);
      this.starts[line] = (feed === -1 ? ndjson.length : feed) + 1;
    }
  }

  /** A line; empty where there is none. */
  at(line: number): string {
    return line < this.length ? this.ndjson.toString('utf8', this.starts[line], this.endOf(line)) : '';
  }

  /** The same as octets, which may not be text. */
  octetsAt(line: number): Buffer {
    return line < this.length ? this.ndjson.subarray(this.starts[line], this.endOf(line)) : Buffer.alloc(0);
  }

  /** Its length in octets, without decoding it. */
  bytesAt(line: number): number {
    return line < this.length ? this.endOf(line) - this.starts[line]! : 0;
  }

  private endOf(line: number): number {
    return this.starts[line + 1]! - 1;
  }
}

/** The lines as texts, decoded at once: the quickest where all of them are read, and are few megabytes. */
export function textLines(ndjson: Buffer): string[] {
  const lines = ndjson.toString('utf8').split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** The lines as octets, without their line feeds: for lines that may not be text, and must stay what they are. */
export function octetLines(ndjson: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let start = 0; start < ndjson.length;) {
    const feed = ndjson.indexOf(LINE_FEED, start);
    const end = feed === -1 ? ndjson.length : feed;
    lines.push(ndjson.subarray(start, end));
    start = end + 1;
  }
  return lines;
}

/** Lines as NDJSON again. */
export function joinLines(lines: readonly Buffer[]): Buffer {
  const feed = Buffer.from([LINE_FEED]);
  return Buffer.concat(lines.flatMap((line) => [line, feed]));
}

/**
 * The lines of a stream as octets. By the line feed alone: some versions of `node:readline` take U+2028 in a text for the
 * end of a line as well, which JSON allows there.
 */
export async function* octetLinesOf(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of content) {
    rest = Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end; (end = rest.indexOf(LINE_FEED, start)) !== -1; start = end + 1)
      yield rest.subarray(start, end);
    rest = rest.subarray(start);
  }
  if (rest.length > 0) yield rest;
}

/**
 * The lines of a stream of UTF-8 text as people write it: without a byte order mark, with CRLF as well, empty lines too. Not
 * `node:readline`, which does not hand on the errors of its input either.
 */
export async function* textLinesOf(content: AsyncIterable<Buffer>): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of content) {
    const lines = `${rest}${decoder.decode(chunk, { stream: true })}`.split(/\r?\n/);
    rest = lines.pop() ?? '';
    yield* lines;
  }
  yield rest + decoder.decode();
}
