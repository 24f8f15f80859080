import { promisify } from 'node:util';
import { constants, crc32, deflateRaw, deflateRawSync, inflateRaw } from 'node:zlib';
import { HeadgateError } from '../errors.js';
import { crcOfBoth } from './crc-of-both.js';

const deflateAsync = promisify(deflateRaw);
const inflateAsync = promisify(inflateRaw);

/** Below it, setting deflate up costs more than it saves; small requests are packed together when their batch is written. */
const MIN_PACKED_BYTES = 4_096;

/**
 * Level 1 costs a fifth of the default's CPU for files about a quarter larger. A window of 16 KB: half the memory to set
 * up, and a request is not much larger. A sync flush ends the output on a byte, with a block that is not the last.
 */
const DEFLATE = { level: 1, windowBits: 14, finishFlush: constants.Z_SYNC_FLUSH } as const;
/** Takes a stream without a last block for what it is. */
const INFLATE = { finishFlush: constants.Z_SYNC_FLUSH } as const;

/** Deflate, no name, no time, fastest level, system unknown. @see RFC 1952 section 2.3 */
const GZIP_HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255]);
/** An empty block that is the last. @see RFC 1951 section 3.2.6 */
const LAST_BLOCK = Buffer.from([0x03, 0x00]);
/** CRC-32 and length, 32 bits each: the end of a gzip file, and of a piece. */
const TRAILER_BYTES = 8;

/**
 * Some NDJSON, as it is, or deflated: then blocks that end on a byte, none of which is the last of a stream, and the
 * CRC-32 and the length of what is in them.
 */
export interface Piece {
  readonly deflated: boolean;
  readonly content: Buffer;
}

/**
 * Packs NDJSON; a little of it is left as it is. On the main thread: the 25 KB of a hundred events take 60 µs, and to hand
 * them to a thread and to wait for it costs several times that.
 */
export function pack(ndjson: string | Buffer): Piece {
  const content = typeof ndjson === 'string' ? Buffer.from(ndjson) : ndjson;
  if (content.length < MIN_PACKED_BYTES) return { deflated: false, content };
  return pieceOf(deflateRawSync(content, DEFLATE), content);
}

/**
 * The NDJSON of a piece.
 * @throws HeadgateError `BATCH_CORRUPT` when it is not what was packed
 */
export async function unpack({ deflated, content }: Piece): Promise<Buffer> {
  if (!deflated) return content;
  const { blocks, crc, length } = partsOf(content);
  const ndjson = await inflateAsync(blocks, INFLATE);
  if (ndjson.length !== length || crc32(ndjson) !== crc)
    throw new HeadgateError('BATCH_CORRUPT', 'Events in the spool are not what was written.');
  return ndjson;
}

/**
 * Joins pieces, in order, into one gzip file. What is deflated is not touched again; of the rest, neighbours are deflated
 * together. The file has a single member, though gzip allows many: DuckDB 1.5 drops what follows a member that ends within
 * its last buffer when that is full to the end, without a word.
 */
export async function join(pieces: readonly Piece[]): Promise<Buffer> {
  const parts: Buffer[] = [GZIP_HEADER];
  let [crc, length] = [0, 0];
  for (const { content } of await Promise.all(deflateRest(pieces))) {
    const next = partsOf(content);
    parts.push(next.blocks);
    crc = crcOfBoth(crc, next.crc, next.length);
    length += next.length;
  }
  return Buffer.concat([...parts, LAST_BLOCK, trailerOf(crc, length)]);
}

/** For a whole batch of small requests, which may be large. */
async function deflated(content: Buffer): Promise<Piece> {
  return pieceOf(await deflateAsync(content, DEFLATE), content);
}

function pieceOf(blocks: Buffer, content: Buffer): Piece {
  return { deflated: true, content: Buffer.concat([blocks, trailerOf(crc32(content), content.length)]) };
}

function deflateRest(pieces: readonly Piece[]): Promise<Piece>[] {
  const packed: Promise<Piece>[] = [];
  let rest: Buffer[] = [];
  const packRest = (): void => {
    if (rest.length > 0) packed.push(deflated(Buffer.concat(rest)));
    rest = [];
  };
  for (const piece of pieces) {
    if (!piece.deflated) rest.push(piece.content);
    else {
      packRest();
      packed.push(Promise.resolve(piece));
    }
  }
  packRest();
  return packed;
}

function partsOf(content: Buffer): { blocks: Buffer; crc: number; length: number } {
  const at = content.length - TRAILER_BYTES;
  return {
    blocks: content.subarray(0, at),
    crc: content.readUInt32LE(at),
    length: content.readUInt32LE(at + 4),
  };
}

function trailerOf(crc: number, length: number): Buffer {
  const trailer = Buffer.allocUnsafe(TRAILER_BYTES);
  trailer.writeUInt32LE(crc, 0);
  trailer.writeUInt32LE(length % 2 ** 32, 4);
  return trailer;
}
