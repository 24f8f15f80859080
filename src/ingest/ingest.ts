import type { AckMode } from '../config.js';
import type { Decider } from '../eligibility/decider.js';
import { HeadgateError } from '../errors.js';
import { INPUT_STREAMS, type EventRow, type InputStream } from '../events/event.js';
import { eventKey } from '../events/event-identity.js';
import type { Dedupe } from './dedupe.js';
import { FINGERPRINT_BYTES, type Fingerprint } from './fingerprint.js';
import { Fresh, type TakenEvent } from './fresh.js';
import { FingerprintSet } from './fingerprint-set.js';
import { idPartitionKey, partitionKey } from './partition.js';
import type { Chunk } from '../events/chunk.js';
import type { ChunkRouting } from '../routing/chunk-routing.js';
import { ProfileLimits } from '../rules/profile-limits.js';
import { pack } from './pack.js';
import type { Spool } from './spool.js';
import type { RecordHead } from './spool-record.js';
import { Turns, type Turn } from '../platform/event-loop-turns.js';
import { UnderWay } from './under-way.js';

/** What became of one event at ingest. */
export type Receipt = 'accepted' | 'duplicate' | Refused;

/** An event that was not taken although it is valid: its properties do not fit into the profile of its subject. */
interface Refused {
  readonly refused: string;
}

/** What an {@link Ingest} works with. */
export interface IngestOptions {
  readonly dedupe: Dedupe;
  readonly fingerprint: Fingerprint;
  readonly spool: Spool;
  readonly decider: Pick<Decider, 'decide' | 'whenReady' | 'profileNow'>;
  /** Begins to route a chunk; undefined for a tenant without routes. */
  readonly routingOf: (tenant: string, stream: InputStream) => ChunkRouting | undefined;
  /** Called with each chunk that is on disk, in order of receipt. */
  readonly onSpooled: (chunk: Chunk) => void;
  /** Told when a write has failed whose events have been decided on. */
  readonly onFailed: () => void;
  readonly ack: AckMode;
  /** Shares the event loop between tenants; default: by its own defaults. */
  readonly turns?: Turns;
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

/** A request's events while they are being written. */
interface Write {
  /** The fingerprints of their ids. */
  readonly prints: FingerprintSet;
  readonly done: Promise<void>;
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
  /**
   * By tenant, requests whose events have their time of receipt, but no place in the spool yet: their checks or their
   * tenant's turn take longer than one turn of the event loop. Most requests are never among them.
   */
  readonly arrivals = new UnderWay<{ readonly done: Promise<unknown> }>();
  /** By partition: a copy of an event that is being written is a duplicate only once that write is done. */
  private readonly writes = new UnderWay<Write>();
  private readonly waitingForStart = new Map<number, () => void>();
  /** What shares the event loop between tenants. */
  readonly turns: Turns;
  private closed = false;

  constructor(private readonly options: IngestOptions) {
    this.turns = options.turns ?? new Turns();
  }

  /**
   * Takes a request's valid events, decides on them and begins to write them, all in this turn; where the state has to be
   * read for it first, or the tenant has had its share of this turn, in a later one; what takes longer than a turn's share
   * is written piece by piece. Not asynchronous: a suspended function keeps its parameters, and events that outlive a
   * collection of the young generation cost more than all that is done with them.
   * @param trace `traceparent` of the request's span, where it has one
   * @throws HeadgateError of {@link Decider.decide}; `SHUTTING_DOWN`; as a rejection also `STATE_UNAVAILABLE` (retryable)
   */
  accept(
    tenant: string,
    stream: InputStream,
    events: readonly TakenEvent[],
    trace?: string,
  ): Acceptance | Promise<Acceptance> {
    const rows = (): EventRow[] => events.map(({ row }) => row);
    return this.turns.run(tenant, () =>
      this.whenReady(tenant, stream, rows, (turn) => this.take(tenant, stream, events, turn, trace)),
    );
  }

  /** Tells waiting requests that Temporal has these chunks. */
  started(chunks: readonly Chunk[]): void {
    if (this.waitingForStart.size === 0) return;
    for (const { seq } of chunks) {
      this.waitingForStart.get(seq)?.();
      this.waitingForStart.delete(seq);
    }
  }

  /** Waits until all events of a tenant that have come so far are in the spool and have been reported, or are refused. */
  async settledOf(tenant: string): Promise<void> {
    await this.arrivals.settledOf(tenant);
    await Promise.all(INPUT_STREAMS.map((stream) => this.writes.settledOf(partitionKey(tenant, stream))));
  }

  /** Refuses what comes from now on, and waits for what is being written. */
  async close(): Promise<void> {
    this.closed = true;
    await this.writes.settled();
  }

  private whenReady<T>(
    tenant: string,
    stream: InputStream,
    rows: () => EventRow[],
    work: (turn: Turn) => T,
  ): T | Promise<T> {
    const inTurn = (): T => this.turns.now(tenant, work);
    return this.options.decider.whenReady(tenant, stream, rows, inTurn);
  }

  private take(
    tenant: string,
    stream: InputStream,
    events: readonly TakenEvent[],
    turn: Turn,
    trace: string | undefined,
  ): Acceptance {
    if (this.closed) {
      const retry = { retryable: true, retryAfterSeconds: 1 };
      throw new HeadgateError('SHUTTING_DOWN', 'This node is stopping.', retry);
    }
    const partition = partitionKey(tenant, stream);
    const { receipts, fresh, prints, seen, pending } = this.sort(tenant, stream, events);
    if (fresh.length > 0) {
      const done = this.write(tenant, stream, new Fresh(fresh, prints, trace), turn);
      this.writes.add(partition, { prints: seen, done });
      pending.add(done);
    }
    return { receipts, written: Promise.all(pending) };
  }

  private sort(tenant: string, stream: InputStream, events: readonly TakenEvent[]): Sorted {
    const { fingerprint, dedupe, decider } = this.options;
    const partition = partitionKey(tenant, stream);
    // Fingerprints of ids alone, which an upgrade leaves for a day.
    const idPartition = idPartitionKey(tenant, stream);
    const wasTaken = dedupe.knows(idPartition) ? this.knownById(idPartition) : undefined;
    const limits =
      stream === 'user-properties'
        ? new ProfileLimits((subject) => decider.profileNow(tenant, subject))
        : undefined;
    const prints = Buffer.allocUnsafe(events.length * FINGERPRINT_BYTES);
    const fresh: TakenEvent[] = [];
    const seen = new FingerprintSet(events.length);
    const pending = new Set<Promise<void>>();
    const writing = this.writes.of(partition);
    const receipts: Receipt[] = [];
    for (const event of events) {
      const offset = fresh.length * FINGERPRINT_BYTES;
      fingerprint(eventKey(event.row), prints, offset);
      const write = writing === undefined ? undefined : writeOf(writing, prints, offset);
      if (write !== undefined) pending.add(write.done);
      const isKnown =
        seen.has(prints, offset) || dedupe.has(partition, prints, offset) || wasTaken?.(event.row.id);
      if (write !== undefined || isKnown) {
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

  private knownById(idPartition: string): (id: string) => boolean {
    const { fingerprint, dedupe } = this.options;
    const print = Buffer.allocUnsafe(FINGERPRINT_BYTES);
    return (id) => {
      fingerprint(id, print, 0);
      return dedupe.has(idPartition, print, 0);
    };
  }

  /**
   * Decides on events and writes them: all of them in this turn, unless they take too long for it, or are more than a piece.
   * Each turn's are a chunk of their own.
   */
  private write(tenant: string, stream: InputStream, fresh: Fresh, turn: Turn): Promise<void> {
    const first = this.writeChunk(tenant, stream, fresh, turn);
    return fresh.isEmpty ? first : this.writeRest(tenant, stream, fresh, first);
  }

  /** Ends when all that was begun has ended, so that nothing of it comes after a retry. */
  private async writeRest(
    tenant: string,
    stream: InputStream,
    fresh: Fresh,
    first: Promise<void>,
  ): Promise<void> {
    let failed = false;
    const begun: Promise<void>[] = [];
    const note = (written: Promise<void>): void => {
      begun.push(written);
      written.catch(() => void (failed = true));
    };
    note(first);
    try {
      while (!fresh.isEmpty && !failed) {
        // Wrapped: a promise that a turn returns would be waited for before the next.
        const piece = (turn: Turn) => ({ written: this.writeChunk(tenant, stream, fresh, turn) });
        const begin = () => this.whenReady(tenant, stream, () => fresh.next(), piece);
        note((await this.turns.later(tenant, begin)).written);
      }
    } finally {
      await Promise.allSettled(begun);
    }
    await Promise.all(begun);
  }

  /** Decides, and writes events and decisions, at once, so that chunks are decided on in the order they are written. */
  private writeChunk(tenant: string, stream: InputStream, fresh: Fresh, turn: Turn): Promise<void> {
    const { spool, decider } = this.options;
    const receivedAt = Date.now();
    const seq = spool.reserve();
    const routing = this.options.routingOf(tenant, stream);
    const made = decider.decide(tenant, stream, seq, fresh.next(), {
      onChanged: routing?.onChanged,
      after: (row, line) => {
        routing?.take(row, line);
        return !turn.isOver;
      },
    });
    const { decided, evaluated, eligible } = made;
    const { rows, ndjson, prints } = fresh.take(decided);
    const events = Buffer.from(ndjson);
    const head = {
      tenant,
      stream,
      bytes: events.length,
      receivedAt,
      ...contentsOf(rows),
      evaluated,
      eligible,
      routed: routing?.routed(),
      trace: fresh.trace,
    };
    const body = { prints, events: pack(events), decisions: pack(made.ndjson) };
    return this.spooled(spool.append(seq, head, body), prints);
  }

  private async spooled(written: Promise<Chunk>, prints: Buffer): Promise<void> {
    const chunk = await written.catch((error: unknown) => {
      this.options.onFailed();
      throw error;
    });
    const { tenant, stream, seq, receivedAt } = chunk;
    this.options.dedupe.addAll(partitionKey(tenant, stream), prints, receivedAt);
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
