import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { TEMPORARY } from '../../platform/durable-file.js';
import type { Stream } from '../../events/event.js';
import { codeOf } from '../../errors.js';
import type { Seal } from '../batch-store/seal.js';
import { countOf, decodeEntries, encodeEntries, entryAt } from './entries.js';

/** What can be looked up. */
export type KeyKind = 'id' | 'subject';

/** Whose index a file is a part of. */
export interface IndexDay {
  readonly tenant: string;
  readonly stream: Stream;
  /** `YYYY-MM-DD`, UTC: the day in the ids of the batches. */
  readonly day: string;
}

/** A batch of which an index knows. */
export interface IndexedBatch {
  readonly batchId: string;
  /** When the first and the last of its events were received, milliseconds since the epoch. */
  readonly first: number;
  readonly last: number;
}

/** Some entries in a file: offset, length and CRC-32 of its octets, and the upper 32 bits of the first entry's hash. */
type Block = readonly [offset: number, length: number, crc: number, high: number];

/** What a segment says of itself, behind its blocks. */
interface Footer extends IndexDay {
  readonly version: 1;
  readonly seeds: string;
  readonly batches: readonly (readonly [batchId: string, first: number, last: number])[];
  readonly blocks: Readonly<Record<KeyKind, readonly Block[]>>;
  readonly entries: Readonly<Record<KeyKind, number>>;
}

/** An index file that is not what was written: it is made again from the batches. */
export class SegmentDamaged extends Error {
  constructor(
    /** The file. */
    readonly path: string,
    reason: string,
  ) {
    super(`${basename(path)} ${reason}`);
  }
}

/** How index files are kept. */
export interface SegmentOptions {
  readonly seal: Seal;
  /** See `KeyHash.seeds`. */
  readonly seeds: string;
}

/** Length and CRC-32 of the footer, and what such a file ends with. */
const TRAILER_BYTES = 12;
const MAGIC = 0x31584748;
const BLOCK_ENTRIES = 2_048;

/** Sorted entries, some at a time. */
type SortedEntries = AsyncIterable<Uint32Array> | Iterable<Uint32Array>;

/** What {@link writeSegment} writes: batches by their numbers, and sorted entries, some at a time. */
export interface SegmentContent {
  readonly batches: readonly IndexedBatch[];
  readonly entries: Readonly<Record<KeyKind, SortedEntries>>;
}

/**
 * Writes an index file: blocks of sorted entries, then a footer that has the CRC-32 of each. Everything in it is sealed as
 * batch files are. It is there whole or not at all while the machine runs; it is not flushed, since one that a power cut
 * has damaged is noticed, and made again.
 */
export async function writeSegment(
  path: string,
  day: IndexDay,
  { batches, entries }: SegmentContent,
  options: SegmentOptions,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}${TEMPORARY}`);
  const file = await open(temporary, 'wx');
  try {
    const writer = new BlockWriter(file, day, options.seal);
    const ids = await writer.write(entries.id);
    const subjects = await writer.write(entries.subject);
    const footer: Footer = {
      version: 1,
      seeds: options.seeds,
      tenant: day.tenant,
      stream: day.stream,
      day: day.day,
      batches: batches.map(({ batchId, first, last }) => [batchId, first, last]),
      blocks: { id: ids.blocks, subject: subjects.blocks },
      entries: { id: ids.entries, subject: subjects.entries },
    };
    await writer.end(Buffer.from(JSON.stringify(footer)));
    await file.close();
    await rename(temporary, path);
  } catch (error) {
    await file.close().catch(() => undefined);
    await rm(temporary, { force: true });
    throw error;
  }
}

class BlockWriter {
  private offset = 0;

  constructor(
    private readonly file: FileHandle,
    private readonly day: IndexDay,
    private readonly seal: Seal,
  ) {}

  async write(entries: SortedEntries): Promise<{ blocks: Block[]; entries: number }> {
    const blocks: Block[] = [];
    let count = 0;
    for await (const words of entries) {
      for (let from = 0; from < countOf(words); from += BLOCK_ENTRIES) {
        const to = Math.min(from + BLOCK_ENTRIES, countOf(words));
        const octets = await this.seal.seal(placeOf(this.day), encodeEntries(words, from, to));
        blocks.push([this.offset, octets.length, crc32(octets), entryAt.high(words, from)]);
        await this.append(octets);
      }
      count += countOf(words);
    }
    return { blocks, entries: count };
  }

  async end(footer: Buffer): Promise<void> {
    const octets = await this.seal.seal(placeOf(this.day), footer);
    const trailer = Buffer.alloc(TRAILER_BYTES);
    trailer.writeUInt32LE(octets.length, 0);
    trailer.writeUInt32LE(crc32(octets), 4);
    trailer.writeUInt32LE(MAGIC, 8);
    await this.append(Buffer.concat([octets, trailer]));
  }

  private async append(octets: Buffer): Promise<void> {
    await this.file.write(octets, 0, octets.length, this.offset);
    this.offset += octets.length;
  }
}

/** An index file, of which the footer is in memory. */
export class Segment {
  readonly batches: readonly IndexedBatch[];

  private constructor(
    readonly path: string,
    private readonly footer: Footer,
    private readonly seal: Seal,
  ) {
    this.batches = footer.batches.map(([batchId, first, last]) => ({ batchId, first, last }));
  }

  /**
   * Reads the footer of an index file.
   * @throws SegmentDamaged; HeadgateError `TENANT_ERASED`, `BATCH_KEY_MISSING`, `BATCH_KEY_WRONG`
   */
  static async open(path: string, day: IndexDay, { seal, seeds }: SegmentOptions): Promise<Segment> {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      const trailer = await readAt(path, file, size - TRAILER_BYTES, TRAILER_BYTES);
      const length = trailer.readUInt32LE(0);
      if (trailer.readUInt32LE(8) !== MAGIC) throw new SegmentDamaged(path, 'does not end as it should');
      const octets = await readAt(path, file, size - TRAILER_BYTES - length, length);
      if (crc32(octets) !== trailer.readUInt32LE(4)) throw new SegmentDamaged(path, 'has a damaged footer');
      const footer = JSON.parse((await opened(path, seal, day, octets)).toString()) as Footer;
      const isOurs = footer.tenant === day.tenant && footer.stream === day.stream && footer.day === day.day;
      if (footer.version !== 1 || footer.seeds !== seeds || !isOurs)
        throw new SegmentDamaged(path, 'is of another version, spool or place');
      return new Segment(path, footer, seal);
    } finally {
      await file.close();
    }
  }

  /** Entries in the file. */
  entries(kind: KeyKind): number {
    return this.footer.entries[kind];
  }

  /**
   * The batches that may hold what has this hash: those that do, and in rare cases one that does not.
   * @throws SegmentDamaged
   */
  async find(kind: KeyKind, hash: { readonly high: number; readonly low: number }): Promise<IndexedBatch[]> {
    const { high, low } = hash;
    const blocks = this.footer.blocks[kind];
    const found: IndexedBatch[] = [];
    let at = lastBefore(blocks, high);
    if (blocks.length === 0) return found;
    const file = await open(this.path, 'r');
    try {
      for (; at < blocks.length && blocks[at]![3] <= high; at++) {
        const words = await this.readBlock(file, blocks[at]!);
        for (let entry = firstAt(words, high); entry < countOf(words); entry++) {
          if (entryAt.high(words, entry) !== high) break;
          if (entryAt.low(words, entry) === low) found.push(this.batches[entryAt.batch(words, entry)]!);
        }
      }
    } finally {
      await file.close();
    }
    return found;
  }

  /** All entries, block by block. @throws SegmentDamaged */
  async *blocks(kind: KeyKind): AsyncGenerator<Uint32Array, undefined> {
    const file = await open(this.path, 'r');
    try {
      for (const block of this.footer.blocks[kind]) yield await this.readBlock(file, block);
    } finally {
      await file.close();
    }
    return undefined;
  }

  private async readBlock(file: FileHandle, [offset, length, crc]: Block): Promise<Uint32Array> {
    const octets = await readAt(this.path, file, offset, length);
    if (crc32(octets) !== crc) throw new SegmentDamaged(this.path, 'has a damaged block');
    const words = decodeEntries(await opened(this.path, this.seal, this.footer, octets));
    for (let at = 0; at < countOf(words); at++)
      if (entryAt.batch(words, at) >= this.batches.length)
        throw new SegmentDamaged(this.path, 'names a batch that it does not have');
    return words;
  }
}

/** The last block whose first entry is before the hash: entries of one hash may begin at its end. */
function lastBefore(blocks: readonly Block[], high: number): number {
  let [from, to] = [0, blocks.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (blocks[middle]![3] < high) from = middle + 1;
    else to = middle;
  }
  return Math.max(0, from - 1);
}

function firstAt(words: Uint32Array, high: number): number {
  let [from, to] = [0, countOf(words)];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (entryAt.high(words, middle) < high) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** What a part of an index is bound to where it is sealed: it opens for the same tenant, stream and day alone. */
function placeOf({ tenant, stream, day }: IndexDay) {
  return { tenant, stream, batchId: `event-index/${day}` };
}

async function opened(path: string, seal: Seal, day: IndexDay, octets: Buffer): Promise<Buffer> {
  try {
    return await seal.open(placeOf(day), octets);
  } catch (error) {
    if (codeOf(error) === 'BATCH_CORRUPT') throw new SegmentDamaged(path, 'is not what was sealed');
    throw error;
  }
}

async function readAt(path: string, file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const octets = Buffer.allocUnsafe(length);
  const { bytesRead } = offset < 0 ? { bytesRead: 0 } : await file.read(octets, 0, length, offset);
  if (bytesRead === length) return octets;
  throw new SegmentDamaged(path, 'is shorter than it should be');
}
