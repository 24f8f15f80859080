import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';

const gzipAsync = promisify(gzip);
const gunzipAsync = promisify(gunzip);

/** Below it, setting gzip up costs more than it saves; small requests are packed together when their batch is written. */
const MIN_PACKED_BYTES = 4_096;

/** Level 1 costs a fifth of the default's CPU for files about a quarter larger. A window of 16 KB: half the memory to set up, and a request is not much larger. */
const GZIP = { level: 1, windowBits: 14, chunkSize: 64 * 1024 } as const;

/** Some NDJSON, as it is or gzipped. */
export interface Piece {
  readonly gzipped: boolean;
  readonly content: Buffer;
}

/** Packs NDJSON, off the main thread; a little of it is left as it is. */
export async function pack(ndjson: string): Promise<Piece> {
  const content = Buffer.from(ndjson);
  if (content.length < MIN_PACKED_BYTES) return { gzipped: false, content };
  return { gzipped: true, content: await gzipAsync(content, GZIP) };
}

/** The NDJSON of a piece. */
export async function unpack({ gzipped, content }: Piece): Promise<Buffer> {
  return gzipped ? gunzipAsync(content) : content;
}

/**
 * Joins pieces, in order, into one gzip file of several members. What is gzipped is not touched again; of the rest,
 * neighbours become a member together.
 * @see RFC 1952 section 2.2: a gzip file consists of a series of members
 */
export async function join(pieces: readonly Piece[]): Promise<Buffer> {
  const members: Promise<Buffer>[] = [];
  let plain: Buffer[] = [];
  const packPlain = (): void => {
    if (plain.length > 0) members.push(gzipAsync(Buffer.concat(plain), GZIP));
    plain = [];
  };
  for (const { gzipped, content } of pieces) {
    if (content.length === 0) continue;
    if (!gzipped) plain.push(content);
    else {
      packPlain();
      members.push(Promise.resolve(content));
    }
  }
  packPlain();
  return Buffer.concat(await Promise.all(members));
}
