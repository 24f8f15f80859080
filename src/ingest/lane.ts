import type { InputStream } from '../event.js';

/** One request's events in the spool: the unit that batches are made of; never split. */
export interface Chunk {
  readonly seq: number;
  readonly tenant: string;
  readonly stream: InputStream;
  readonly events: number;
  /** Bytes of NDJSON. */
  readonly bytes: number;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  /** Event types in it, sorted, the first few; for the operator's eye. */
  readonly types: readonly string[];
  readonly firstEvent: string;
  readonly lastEvent: string;
}

/** Which chunks of a lane make a batch. From it the same batch id, file and workflow id come out, however often it is run. */
export interface Plan {
  readonly tenant: string;
  readonly stream: InputStream;
  readonly batchId: string;
  /** First and last sequence number; chunks of other lanes lie between. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly events: number;
  /** True once Temporal has the batch and its events have left the spool. */
  readonly started?: boolean;
}

/** What closes a batch. */
export interface BatchLimits {
  readonly maxEvents: number;
  readonly maxBytes: number;
  readonly lingerMs: number;
}

/** The name of a tenant's stream in maps and logs. */
export function laneKey(tenant: string, stream: InputStream): string {
  return `${tenant}/${stream}`;
}

/**
 * A tenant's input stream: its waiting chunks in order of receipt and the one batch that is on its way. States:
 * idle (nothing waits) → waiting (chunks, none on its way) → busy (a batch is on its way; chunks may wait behind it).
 */
export class Lane {
  readonly key: string;
  /** The batch on its way, from its plan to its decision. */
  plan?: Plan;
  /** Deficit of the round robin, in events. */
  deficit = 0;
  /** Events and bytes that wait. */
  waitingEvents = 0;
  waitingBytes = 0;
  private chunks: Chunk[] = [];
  private start = 0;

  constructor(
    readonly tenant: string,
    readonly stream: InputStream,
  ) {
    this.key = laneKey(tenant, stream);
  }

  /** Adds a chunk behind those with lower sequence numbers. */
  push(chunk: Chunk): void {
    let at = this.chunks.length;
    // Flushes resolve in order, so this loop ends at once; it guards the order batches rely on.
    while (at > this.start && (this.chunks[at - 1] as Chunk).seq > chunk.seq) at--;
    this.chunks.splice(at, 0, chunk);
    this.waitingEvents += chunk.events;
    this.waitingBytes += chunk.bytes;
  }

  /** How many chunks wait. */
  get waiting(): number {
    return this.chunks.length - this.start;
  }

  /** The oldest waiting chunk. */
  get oldest(): Chunk | undefined {
    return this.chunks[this.start];
  }

  /** The lowest sequence number that is not decided on yet, or infinity: events received later must wait for it. */
  get firstUndecided(): number {
    return this.plan?.firstSeq ?? this.oldest?.seq ?? Number.POSITIVE_INFINITY;
  }

  /** The next batch: as many chunks as the limits allow, at least one, all received before `barrier`. */
  peek(limits: BatchLimits, barrier: number): Chunk[] {
    const taken: Chunk[] = [];
    let events = 0;
    let bytes = 0;
    for (let at = this.start; at < this.chunks.length; at++) {
      const chunk = this.chunks[at] as Chunk;
      if (chunk.seq >= barrier) break;
      events += chunk.events;
      bytes += chunk.bytes;
      if (taken.length > 0 && (events > limits.maxEvents || bytes > limits.maxBytes)) break;
      taken.push(chunk);
    }
    return taken;
  }

  /** Takes `count` chunks from the front. */
  take(count: number): Chunk[] {
    const taken = this.chunks.slice(this.start, this.start + count);
    this.start += count;
    for (const chunk of taken) {
      this.waitingEvents -= chunk.events;
      this.waitingBytes -= chunk.bytes;
    }
    if (this.start > 1_000 && this.start * 2 > this.chunks.length) {
      this.chunks = this.chunks.slice(this.start);
      this.start = 0;
    }
    return taken;
  }
}
