import type { AckMode } from '../config.js';
import type { Decider } from '../eligibility/decider.js';
import { HeadgateError } from '../errors.js';
import type { EventRow, InputStream } from '../event.js';
import type { Admission } from './admission.js';
import type { Dedupe } from './dedupe.js';
import { FINGERPRINT_BYTES, type Fingerprint } from './fingerprint.js';
import { laneKey, type Chunk } from './lane.js';
import type { Spool } from './spool.js';
import type { RecordHead } from './spool-record.js';
import { Writes, type Write } from './writes.js';

/** What became of one event at the door. */
export type Receipt = 'accepted' | 'duplicate';

/** A valid event, with its canonical JSON: it is written out once. */
export interface TakenEvent {
  readonly row: EventRow;
  readonly json: string;
}

/** What an {@link Ingest} works with. */
export interface IngestOptions {
  readonly admission: Admission;
  readonly dedupe: Dedupe;
  readonly fingerprint: Fingerprint;
  readonly spool: Spool;
  readonly decider: Pick<Decider, 'take'>;
  readonly ack: AckMode;
}

/** A request's events, sorted into new ones and duplicates. */
interface Sorted {
  readonly receipts: Receipt[];
  readonly fresh: TakenEvent[];
  readonly ids: ReadonlySet<string>;
  /** Fingerprints of the fresh ones, in order. */
  readonly prints: Buffer;
  /** Writes of other requests that hold the first copy of a duplicate. */
  readonly pending: Set<Promise<void>>;
}

/** Event types kept with a chunk; enough to describe a batch. */
const TYPES_KEPT = 8;

/** The way in, behind the API: admission → dedupe → spool → decisions, and on to the batcher. */
export class Ingest {
  private readonly writes = new Writes();
  private readonly waitingForStart = new Map<number, () => void>();
  private closed = false;

  constructor(private readonly options: IngestOptions) {}

  /**
   * Takes a request's valid events and answers for each, in order. Resolves only when every event it calls `accepted`
   * or `duplicate` is on disk (or, with `HEADGATE_ACK=started`, in Temporal); what can be decided on is, by then.
   * @param bytes size of the request, which counts against the tenant's rate
   * @throws HeadgateError of {@link Admission.admit}; `DISK_FULL`, `SHUTTING_DOWN`
   */
  async accept(
    tenant: string,
    stream: InputStream,
    events: readonly TakenEvent[],
    bytes: number,
  ): Promise<Receipt[]> {
    if (this.closed) {
      const retry = { retryable: true, retryAfterSeconds: 1 };
      throw new HeadgateError('SHUTTING_DOWN', 'This node is stopping.', retry);
    }
    this.options.admission.admit(tenant, events.length, bytes);
    const lane = laneKey(tenant, stream);
    const { receipts, fresh, ids, prints, pending } = this.sort(lane, events);
    if (fresh.length > 0) {
      const done = this.write(tenant, stream, fresh, prints);
      this.writes.add(lane, { ids, done });
      pending.add(done);
    }
    await Promise.all(pending);
    return receipts;
  }

  /** Tells waiting requests that Temporal has these chunks. */
  started(chunks: readonly Chunk[]): void {
    if (this.waitingForStart.size === 0) return;
    for (const { seq } of chunks) {
      this.waitingForStart.get(seq)?.();
      this.waitingForStart.delete(seq);
    }
  }

  /** Refuses what comes from now on, and waits for what is being written. */
  async close(): Promise<void> {
    this.closed = true;
    await this.writes.settled();
  }

  private sort(lane: string, events: readonly TakenEvent[]): Sorted {
    const { fingerprint, dedupe } = this.options;
    const prints = Buffer.allocUnsafe(events.length * FINGERPRINT_BYTES);
    const fresh: TakenEvent[] = [];
    const ids = new Set<string>();
    const pending = new Set<Promise<void>>();
    const writing = this.writes.of(lane);
    const receipts: Receipt[] = [];
    for (const event of events) {
      const { id } = event.row;
      const write = writing === undefined ? undefined : writeOf(writing, id);
      if (write !== undefined) pending.add(write.done);
      const offset = fresh.length * FINGERPRINT_BYTES;
      fingerprint(id, prints, offset);
      if (write !== undefined || ids.has(id) || dedupe.has(lane, prints, offset)) {
        receipts.push('duplicate');
        continue;
      }
      ids.add(id);
      fresh.push(event);
      receipts.push('accepted');
    }
    return { receipts, fresh, ids, prints: prints.subarray(0, fresh.length * FINGERPRINT_BYTES), pending };
  }

  private async write(
    tenant: string,
    stream: InputStream,
    events: readonly TakenEvent[],
    prints: Buffer,
  ): Promise<void> {
    const { spool, dedupe, decider, ack } = this.options;
    const receivedAt = Date.now();
    let ndjson = '';
    for (const { json } of events) ndjson += `${json}\n`;
    const rows = events.map(({ row }) => row);
    const chunk = await spool.append({ ...headOf(tenant, stream, rows, receivedAt), ndjson, prints });
    dedupe.addAll(laneKey(tenant, stream), prints, receivedAt);
    const started =
      ack === 'started'
        ? new Promise<void>((resolve) => this.waitingForStart.set(chunk.seq, resolve))
        : undefined;
    decider.take(chunk, rows);
    await started;
  }
}

function writeOf(writes: ReadonlySet<Write>, id: string): Write | undefined {
  for (const write of writes) if (write.ids.has(id)) return write;
  return undefined;
}

function headOf(
  tenant: string,
  stream: InputStream,
  rows: readonly EventRow[],
  receivedAt: number,
): RecordHead {
  const types = [...new Set(rows.map((row) => row.type))].sort().slice(0, TYPES_KEPT);
  const [firstEvent, lastEvent] = [rows[0]?.id ?? '', rows.at(-1)?.id ?? ''];
  return { tenant, stream, events: rows.length, receivedAt, types, firstEvent, lastEvent };
}
