import { createReadStream } from 'node:fs';

const LINE_FEED = 0x0a;
const READ_BYTES = 1024 ** 2;

/** A row of a table by the names of its columns, as rows of the Storage Write API are made of it. */
type Row = Readonly<Record<string, string | number | boolean | null>>;

/** Rows that go in one request. */
export interface RowRequest {
  /** Place of the first row in the file, from 0. */
  readonly offset: number;
  readonly rows: readonly Row[];
}

/**
 * The rows of a file of NDJSON, in requests of bounded size. The same file always gives the same requests.
 * @param maxBytes of the lines of a request; its rows take less when they are encoded. A longer line goes alone.
 */
export async function* rowRequests(path: string, maxBytes: number): AsyncGenerator<RowRequest> {
  let [offset, bytes] = [0, 0];
  let rows: Row[] = [];
  for await (const line of linesOf(path)) {
    if (rows.length > 0 && bytes + line.length > maxBytes) {
      yield { offset, rows };
      offset += rows.length;
      [rows, bytes] = [[], 0];
    }
    rows.push(JSON.parse(line.toString('utf8')) as Row);
    bytes += line.length;
  }
  if (rows.length > 0) yield { offset, rows };
}

/** By the line feed alone: `node:readline` takes U+2028 in a text for the end of a line as well. */
async function* linesOf(path: string): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES })) {
    rest = Buffer.concat([rest, chunk as Buffer]);
    let start = 0;
    for (let end; (end = rest.indexOf(LINE_FEED, start)) !== -1; start = end + 1)
      yield rest.subarray(start, end);
    rest = rest.subarray(start);
  }
  if (rest.length > 0) yield rest;
}
