import { setImmediate as nextTurn } from 'node:timers/promises';
import { Entries } from './entries.js';
import type { KeyHash } from './key-hash.js';
import { endOfLine, RowKeys } from './row-keys.js';
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
    const keys = new RowKeys(ndjson);
    for (let start = 0, end; start < ndjson.length; start = end + 1) {
      end = endOfLine(ndjson, start);
      if (!keys.read(start, end)) continue;
      const { high, low } = this.hash.of(keys.id);
      this.ids.add(high, low, number);
      if (keys.hasSubject) {
        const subject = this.hash.of(keys.subject);
        this.subjects.add(subject.high, subject.low, number);
      }
      const { receivedAt } = keys;
      if (receivedAt < first) first = receivedAt;
      if (receivedAt > last) last = receivedAt;
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
