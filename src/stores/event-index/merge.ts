import { setImmediate as nextTurn } from 'node:timers/promises';
import { countOf, Entries, entryAt } from './entries.js';
import type { IndexedBatch, KeyKind, Segment, SegmentContent } from './segment.js';

/** Entries that are sorted at a time: a few milliseconds of the event loop. */
const ENTRIES_AT_ONCE = 32_768;
const HASHES = 2 ** 32;

/**
 * What several index files hold, as the content of one; a batch that several of them have counts once. Entries are
 * merged range by range of their hashes, so that little is in memory, and the event loop is free in between.
 */
export function mergedContent(segments: readonly Segment[]): SegmentContent {
  const batches: IndexedBatch[] = [];
  const numbers = new Map<string, number>();
  const numbersOf = segments.map((segment) =>
    Uint32Array.from(segment.batches, (batch) => {
      const known = numbers.get(batch.batchId);
      if (known !== undefined) return known;
      numbers.set(batch.batchId, batches.length);
      return batches.push(batch) - 1;
    }),
  );
  const entries = (kind: KeyKind) => mergedEntries(segments, numbersOf, kind);
  return { batches, entries: { id: entries('id'), subject: entries('subject') } };
}

async function* mergedEntries(
  segments: readonly Segment[],
  numbersOf: readonly Uint32Array[],
  kind: KeyKind,
): AsyncGenerator<Uint32Array> {
  const total = segments.reduce((sum, segment) => sum + segment.entries(kind), 0);
  const ranges = Math.ceil(total / ENTRIES_AT_ONCE);
  const cursors = segments.map((segment, index) => new Cursor(segment, kind, numbersOf[index]!));
  const some = new Entries();
  try {
    for (let range = 1; range <= ranges; range++) {
      const end = range === ranges ? HASHES : Math.floor((range * HASHES) / ranges);
      for (const cursor of cursors) await cursor.takeBelow(end, some);
      if (some.length > 0) yield some.takeSorted();
      await nextTurn();
    }
  } finally {
    for (const cursor of cursors) await cursor.close();
  }
}

/** How far one of the files has been read. */
class Cursor {
  private readonly blocks: AsyncGenerator<Uint32Array, undefined>;
  private words: Uint32Array | undefined = new Uint32Array();
  private at = 0;

  constructor(
    segment: Segment,
    kind: KeyKind,
    private readonly numbers: Uint32Array,
  ) {
    this.blocks = segment.blocks(kind);
  }

  async takeBelow(end: number, into: Entries): Promise<void> {
    while (this.words !== undefined) {
      for (; this.at < countOf(this.words); this.at++) {
        const high = entryAt.high(this.words, this.at);
        if (high >= end) return;
        into.add(high, entryAt.low(this.words, this.at), this.numbers[entryAt.batch(this.words, this.at)]!);
      }
      this.words = (await this.blocks.next()).value;
      this.at = 0;
    }
  }

  async close(): Promise<void> {
    await this.blocks.return(undefined);
  }
}
