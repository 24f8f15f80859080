import { setImmediate as nextTurn } from 'node:timers/promises';
import { Entries } from './entries.js';
import type { KeyHash } from './key-hash.js';
import { lineEnds, rowKeys } from './row-keys.js';
import type { IndexedBatch, SegmentContent } from './segment.js';

/** Lines that are read at a time: less than a millisecond of the event loop. */
const LINES_AT_ONCE = 500;

/** Batches on their way into an index file, in memory: 16 bytes an event at most. */
export class IndexingBatches {
  private readonly batches: IndexedBatch[] = [];
  private readonly ids = new Entries();
  private readonly subjects = new Entries();

  constructor(private readonly hash: KeyHash) {}

  /** Batches so far. */
  get count(): number {
    return this.batches.length;
  }

  /** Entries so far. */
  get entries(): number {
    return this.ids.length + this.subjects.length;
  }

  /** Adds the events of a batch; the event loop is free in between. */
  async add(batchId: string, ndjson: Buffer): Promise<void> {
    const number = this.batches.length;
    let [first, last] = ['~', ''];
    let lines = 0;
    // Its place first: another batch may be added in a turn between.
    this.batches.push({ batchId, first: 0, last: 0 });
    for (const [start, end] of lineEnds(ndjson)) {
      const keys = rowKeys(ndjson.subarray(start, end));
      if (keys === undefined) continue;
      const id = this.hash.of(keys.id);
      this.ids.add(id.high, id.low, number);
      if (keys.subject !== undefined) {
        const subject = this.hash.of(keys.subject);
        this.subjects.add(subject.high, subject.low, number);
      }
      if (keys.receivedAt < first) first = keys.receivedAt;
      if (keys.receivedAt > last) last = keys.receivedAt;
      if (++lines % LINES_AT_ONCE === 0) await nextTurn();
    }
    this.batches[number] = { batchId, first: msOf(first, 0), last: msOf(last, Number.MAX_SAFE_INTEGER) };
  }

  /** What is to be written; nothing is left. */
  take(): SegmentContent {
    return {
      batches: this.batches.splice(0),
      entries: { id: [this.ids.takeSorted()], subject: [this.subjects.takeSorted()] },
    };
  }
}

/** A time that cannot be told rules nothing out. */
function msOf(time: string, unknown: number): number {
  const ms = Date.parse(time);
  return Number.isNaN(ms) ? unknown : ms;
}
