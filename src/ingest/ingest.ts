import type { AckMode } from '../config.js';
import type { Decider } from '../eligibility/decider.js';
import { HeadgateError } from '../errors.js';
import type { EventRow, InputStream } from '../event.js';
import type { Dedupe } from './dedupe.js';
import { FINGERPRINT_BYTES, type Fingerprint } from './fingerprint.js';
import { FingerprintSet } from './fingerprint-set.js';
import { laneKey, type Chunk } from './lane.js';
import type { ChunkRouting } from '../routing/chunk-routing.js';
import { ProfileLimits } from '../rules/profile-limits.js';
import { pack } from './pack.js';
import type { Spool } from './spool.js';
import type { RecordHead } from './spool-record.js';
import { Writes, type Write } from './writes.js';

/** What became of one event at the door. */
export type Receipt = 'accepted' | 'duplicate' | Refused;

/** An event that was not taken although it is valid: its properties do not fit into the profile of its subject. */
export interface Refused {
  readonly refused: string;
}

/** A valid event, with its canonical JSON: it is written out once. */
export interface TakenEvent {
  readonly row: EventRow;
  readonly json: string;
}

/** What an {@link Ingest} works with. */
export interface IngestOptions {
  readonly dedupe: Dedupe;
  readonly fingerprint: Fingerprint;
  readonly spool: Spool;
  readonly decider: Pick<Decider, 'decide' | 'whenReady' | 'profileNow'>;
  /** Begins to route a chunk; undefined for a tenant without routes. */
  readonly routingOf: (tenant: string, stream: InputStream) => ChunkRouting | undefined;
  /** Told of each chunk that is on disk, in order of receipt. */
  readonly onSpooled: (chunk: Chunk) => void;
  /** Told when a write has failed whose events have been decided on. */
  readonly onFailed: () => void;
  readonly ack: AckMode;
}

/** What has become of a request's events, in order, once they are written. */
export interface Acceptance {
  readonly receipts: readonly Receipt[];
  /**
   * Resolves when every event is on disk with the decisions on it (or, with `HEADGATE_ACK=started`, in Temporal); only
   * then may the request be answered. Rejects with a HeadgateError `DISK_FULL` when they could not be written.
   */
  readonly written: Promise<unknown>;
}

/** A request's events, sorted into new ones and duplicates. */
interface Sorted {
  readonly receipts: Receipt[];
  readonly fresh: TakenEvent[];
  /** Fingerprints of the fresh ones, in order, and as a set. */
  readonly prints: Buffer;
  readonly seen: FingerprintSet;
  /** Writes of other requests that hold the first copy of a duplicate. */
  readonly pending: Set<Promise<void>>;
}

/** Event types kept with a chunk; enough to describe a batch. */
const TYPES_KEPT = 8;

/** The way in, behind admission: dedupe → decisions → routes → spool, and on to the batcher. */
export class Ingest {
  private readonly writes = new Writes();
  private readonly waitingForStart = new Map<number, () => void>();
  private closed = false;

  constructor(private readonly options: IngestOptions) {}

  /**
   * Takes a request's valid events, decides on them and begins to write them, all in this turn; where the state has to be
   * read for it first, in a later one. Not asynchronous: a suspended function keeps its parameters, and events that outlive a
   * collection of the young generation cost more than all that is done with them.
   * @throws HeadgateError of {@link Decider.decide}; `SHUTTING_DOWN`; as a rejection also `STATE_UNAVAILABLE` (retryable)
   */
  accept(
    tenant: string,
    stream: InputStream,
    events: readonly TakenEvent[],
  ): Acceptance | Promise<Acceptance> {
    const rows = (): EventRow[] => events.map(({ row }) => row);
    return this.options.decider.whenReady(tenant, stream, rows, () => this.take(tenant, stream, events));
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

  private take(tenant: string, stream: InputStream, events: readonly TakenEvent[]): Acceptance {
    if (this.closed) {
      const retry = { retryable: true, retryAfterSeconds: 1 };
      throw new HeadgateError('SHUTTING_DOWN', 'This node is stopping.', retry);
    }
    const lane = laneKey(tenant, stream);
    const { receipts, fresh, prints, seen, pending } = this.sort(tenant, stream, events);
    if (fresh.length > 0) {
      const done = this.write(tenant, stream, fresh, prints);
      this.writes.add(lane, { prints: seen, done });
      pending.add(done);
    }
    return { receipts, written: Promise.all(pending) };
  }

  private sort(tenant: string, stream: InputStream, events: readonly TakenEvent[]): Sorted {
    const { fingerprint, dedupe, decider } = this.options;
    const lane = laneKey(tenant, stream);
    const limits =
      stream === 'user-properties'
        ? new ProfileLimits((subject) => decider.profileNow(tenant, subject))
        : undefined;
    const prints = Buffer.allocUnsafe(events.length * FINGERPRINT_BYTES);
    const fresh: TakenEvent[] = [];
    const seen = new FingerprintSet(events.length);
    const pending = new Set<Promise<void>>();
    const writing = this.writes.of(lane);
    const receipts: Receipt[] = [];
    for (const event of events) {
      const offset = fresh.length * FINGERPRINT_BYTES;
      fingerprint(event.row.id, prints, offset);
      const write = writing === undefined ? undefined : writeOf(writing, prints, offset);
      if (write !== undefined) pending.add(write.done);
      if (write !== undefined || seen.has(prints, offset) || dedupe.has(lane, prints, offset)) {
        receipts.push('duplicate');
        continue;
      }
      const refused = limits?.refusalOf(event.row);
      if (refused !== undefined) {
        receipts.push({ refused });
        continue;
      }
      seen.add(prints, offset);
      fresh.push(event);
      receipts.push('accepted');
    }
    return { receipts, fresh, prints: prints.subarray(0, fresh.length * FINGERPRINT_BYTES), seen, pending };
  }

  /** Decides, and writes events and decisions, at once, so that chunks are decided on in the order they are written. */
  private write(
    tenant: string,
    stream: InputStream,
    taken: readonly TakenEvent[],
    prints: Buffer,
  ): Promise<void> {
    const { spool, decider } = this.options;
    const receivedAt = Date.now();
    const seq = spool.reserve();
    const rows = taken.map(({ row }) => row);
    const routing = this.options.routingOf(tenant, stream);
    const { ndjson: decisions, ...decided } = decider.decide(tenant, stream, seq, rows, routing?.onChanged);
    const routed = routing?.routed(rows);
    let events = '';
    for (const { json } of taken) events += `${json}\n`;
    const bytes = Buffer.byteLength(events);
    const head = { tenant, stream, bytes, receivedAt, ...contentsOf(rows), ...decided, routed };
    const body = { prints, events: pack(events), decisions: pack(decisions) };
    return this.spooled(spool.append(seq, head, body), prints);
  }

  private async spooled(written: Promise<Chunk>, prints: Buffer): Promise<void> {
    const chunk = await written.catch((error: unknown) => {
      this.options.onFailed();
      throw error;
    });
    const { tenant, stream, seq, receivedAt } = chunk;
    this.options.dedupe.addAll(laneKey(tenant, stream), prints, receivedAt);
    const started =
      this.options.ack === 'started'
        ? new Promise<void>((resolve) => this.waitingForStart.set(seq, resolve))
        : undefined;
    this.options.onSpooled(chunk);
    await started;
  }
}

function writeOf(writes: ReadonlySet<Write>, prints: Buffer, offset: number): Write | undefined {
  for (const write of writes) if (write.prints.has(prints, offset)) return write;
  return undefined;
}

function contentsOf(
  rows: readonly EventRow[],
): Pick<RecordHead, 'events' | 'types' | 'firstEvent' | 'lastEvent'> {
  const types = [...new Set(rows.map((row) => row.type))].sort().slice(0, TYPES_KEPT);
  return { events: rows.length, types, firstEvent: rows[0]?.id ?? '', lastEvent: rows.at(-1)?.id ?? '' };
}
