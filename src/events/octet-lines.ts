const LINE_FEED = 0x0a;

/** The lines of NDJSON as octets, without their line feeds: for lines that may be no text, and must stay what they are. */
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

/**
 * The lines of NDJSON as texts, each decoded when it is asked for: all at once of a file of 64 MB, which a tenant may have
 * its batches be, would hold up everybody.
 */
export class TextLines {
  private readonly octets: readonly Buffer[];

  constructor(ndjson: Buffer) {
    this.octets = octetLines(ndjson);
  }

  get length(): number {
    return this.octets.length;
  }

  /** A line; empty where there is none. */
  at(line: number): string {
    return this.octets[line]?.toString('utf8') ?? '';
  }

  /** Its length in octets, without decoding it. */
  bytesAt(line: number): number {
    return this.octets[line]?.length ?? 0;
  }
}

/** The lines as NDJSON again. */
export function joinLines(lines: readonly Buffer[]): Buffer {
  const feed = Buffer.from([LINE_FEED]);
  return Buffer.concat(lines.flatMap((line) => [line, feed]));
}
