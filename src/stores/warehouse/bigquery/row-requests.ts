import { createReadStream } from 'node:fs';
import { octetLinesOf } from '../../../events/ndjson.js';

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
  const file = createReadStream(path, { highWaterMark: READ_BYTES });
  for await (const line of octetLinesOf(file)) {
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
