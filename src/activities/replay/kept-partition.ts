import type { BatchRef, EventRow, InputStream, BatchName } from '../../events/event.js';
import { openIfThere, type BatchStore } from '../../stores/batch-store/batch-store.js';
import { TextLines } from '../../events/ndjson.js';
import { isPast } from './range.js';

/** A slice of large events: some milliseconds of parsing. */
const MOST_BYTES = 512 * 1024;

/** Some events of one kept batch, one behind the other. */
export interface Slice {
  readonly stream: InputStream;
  readonly batch: BatchRef;
  /** The place of the first of them in the batch, from 0. */
  readonly firstLine: number;
  readonly rows: readonly EventRow[];
}

/** What a {@link KeptPartition} reads, and reports. */
export interface KeptPartitionOptions {
  readonly store: BatchStore;
  readonly batches: AsyncIterable<BatchName>;
  readonly stream: InputStream;
  /** Receipt from which on nothing is read; see {@link CompiledRange}. */
  readonly until: number;
  /** A batch file has been read, or could not be. */
  readonly onFile: (batch: BatchRef | undefined) => void;
}

/**
 * What is kept of one stream of one node, in the order of receipt: a partition's batches go one after the other, so the ids of
 * a node's batches rise as its events came. One batch is in memory at a time.
 */
export class KeptPartition {
  private readonly names: AsyncIterator<BatchName>;
  private batch: BatchRef | undefined;
  private lines = new TextLines(Buffer.alloc(0));
  private at = 0;
  private head: EventRow | undefined;
  private ended = false;

  constructor(private readonly options: KeptPartitionOptions) {
    this.names = options.batches[Symbol.asyncIterator]();
  }

  /** The next event, or undefined at the end; to be awaited before each {@link KeptPartition.take}. */
  async peek(): Promise<EventRow | undefined> {
    while (this.head === undefined && !this.ended) {
      if (this.at < this.lines.length) this.head = JSON.parse(this.lines.at(this.at)) as EventRow;
      else this.ended = !(await this.openNext());
    }
    return this.head;
  }

  /** Takes events of one batch while `wanted` says so, `most` of them and some bytes at most, and the next in any case. */
  take(most: number, wanted: (event: EventRow) => boolean): Slice {
    const [batch, firstLine] = [this.batch as BatchRef, this.at];
    const rows: EventRow[] = [];
    let bytes = 0;
    while (this.head !== undefined) {
      rows.push(this.head);
      bytes += this.lines.bytesAt(this.at++);
      this.head = undefined;
      if (rows.length >= most || bytes >= MOST_BYTES || this.at >= this.lines.length) break;
      this.head = JSON.parse(this.lines.at(this.at)) as EventRow;
      if (!wanted(this.head)) break;
    }
    return { stream: this.options.stream, batch, firstLine, rows };
  }

  /** False at the end of what is kept, or of what is asked for. */
  private async openNext(): Promise<boolean> {
    const { done, value: name } = await this.names.next();
    if (done === true) return false;
    const opened = await openIfThere(this.options.store, name);
    this.options.onFile(opened?.ref);
    this.batch = opened?.ref;
    this.lines = new TextLines(opened?.ndjson ?? Buffer.alloc(0));
    this.at = 0;
    if (this.lines.length === 0) return true;
    return !isPast(JSON.parse(this.lines.at(0)) as EventRow, this.options.until);
  }
}
