import type { AckMode } from '../config.js';
import { HeadgateError } from '../errors.js';
import type { EventRow, InputStream } from '../event.js';
import type { Batcher } from './batcher.js';
import type { Dedupe } from './dedupe.js';
import { FINGERPRINT_BYTES, type Fingerprint } from './fingerprint.js';
import { laneKey, type Chunk } from './lane.js';
import type { Spool } from './spool.js';

/** What became of one event at the door. */
export type Receipt = 'accepted' | 'duplicate';

/** What an {@link Ingest} works with. */
export interface IngestOptions {
  readonly dedupe: Dedupe;
  readonly fingerprint: Fingerprint;
  readonly spool: Spool;
  readonly batcher: Batcher;
  readonly ack: AckMode;
}

/** A request's events, sorted into new ones and duplicates. */
interface Sorted {
  readonly receipts: Receipt[];
  readonly fresh: EventRow[];
  /** Fingerprints of the fresh ones, in order. */
  readonly prints: Buffer;
  /** Writes of other requests that hold the first copy of a duplicate. */
  readonly pending: Set<Promise<void>>;
}

/** Event types kept with a chunk; enough to describe a batch. */
const TYPES_KEPT = 8;

/** The way in, behind admission: dedupe → spool → batcher. */
export class Ingest {
  /** Ids whose first copy is being written, with that write: a copy of it is a duplicate only once the write is done. */
  private readonly writing = new Map<string, Promise<void>>();
  private readonly waitingForStart = new Map<number, () => void>();
  private closed = false;

  constructor(private readonly options: IngestOptions) {}

  /**
   * Takes a request's valid events and answers for each, in order. Resolves only when every event it calls `accepted`
   * or `duplicate` is on disk (or, with `HEADGATE_ACK=started`, in Temporal).
   * @throws HeadgateError `DISK_FULL`, `SHUTTING_DOWN`
   */
  async accept(tenant: string, stream: InputStream, rows: readonly EventRow[]): Promise<Receipt[]> {
    if (this.closed) {
      const retry = { retryable: true, retryAfterSeconds: 1 };
      throw new HeadgateError('SHUTTING_DOWN', 'This node is stopping.', retry);
    }
    const { receipts, fresh, prints, pending } = this.sort(laneKey(tenant, stream), rows);
    if (fresh.length > 0) pending.add(this.announceWrite(tenant, stream, fresh, prints));
    await Promise.all(pending);
    return receipts;
  }

  /** Tells waiting requests that Temporal has these chunks. */
  started(chunks: readonly Chunk[]): void {
    for (const { seq } of chunks) {
      this.waitingForStart.get(seq)?.();
      this.waitingForStart.delete(seq);
    }
  }

  /** Refuses what comes from now on, and waits for what is being written. */
  async close(): Promise<void> {
    this.closed = true;
    await Promise.allSettled(this.writing.values());
  }

  private sort(lane: string, rows: readonly EventRow[]): Sorted {
    const { fingerprint, dedupe } = this.options;
    const prints = Buffer.alloc(rows.length * FINGERPRINT_BYTES);
    const fresh: EventRow[] = [];
    const seen = new Set<string>();
    const pending = new Set<Promise<void>>();
    const receipts = rows.map((row): Receipt => {
      const offset = fresh.length * FINGERPRINT_BYTES;
      fingerprint(row.id, prints, offset);
      const write = this.writing.get(`${lane}/${row.id}`);
      if (write !== undefined) pending.add(write);
      if (write !== undefined || seen.has(row.id) || dedupe.has(lane, prints, offset)) return 'duplicate';
      seen.add(row.id);
      fresh.push(row);
      return 'accepted';
    });
    return { receipts, fresh, prints: prints.subarray(0, fresh.length * FINGERPRINT_BYTES), pending };
  }

  /** Writes new events, and lets requests that bring copies of them meanwhile wait for the same write. */
  private announceWrite(
    tenant: string,
    stream: InputStream,
    rows: readonly EventRow[],
    prints: Buffer,
  ): Promise<void> {
    const write = this.write(tenant, stream, rows, prints);
    const keys = rows.map((row) => `${laneKey(tenant, stream)}/${row.id}`);
    for (const key of keys) this.writing.set(key, write);
    const forget = (): void => keys.forEach((key) => this.writing.delete(key));
    write.then(forget, forget);
    return write;
  }

  private async write(
    tenant: string,
    stream: InputStream,
    rows: readonly EventRow[],
    prints: Buffer,
  ): Promise<void> {
    const { spool, dedupe, batcher, ack } = this.options;
    const receivedAt = Date.now();
    const ndjson = Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const append = { tenant, stream, events: rows.length, receivedAt, ...describe(rows), ndjson, prints };
    const chunk = await spool.append(append);
    dedupe.addAll(laneKey(tenant, stream), prints, receivedAt);
    const started =
      ack === 'started'
        ? new Promise<void>((resolve) => this.waitingForStart.set(chunk.seq, resolve))
        : undefined;
    batcher.add(chunk);
    await started;
  }
}

function describe(rows: readonly EventRow[]): Pick<Chunk, 'types' | 'firstEvent' | 'lastEvent'> {
  const types = [...new Set(rows.map((row) => row.type))].sort().slice(0, TYPES_KEPT);
  return { types, firstEvent: rows[0]?.id ?? '', lastEvent: rows.at(-1)?.id ?? '' };
}
