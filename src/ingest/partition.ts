import type { InputStream } from '../events/event.js';
import type { IngestBatchInput } from '../workflows/messages/batches.js';
import type { Chunk } from '../events/chunk.js';
import { ChunkQueue } from '../events/chunk-queue.js';

/** Which chunks of a partition make a batch. From it the same batch id, file and workflow id come out, however often it is run. */
export interface Plan {
  readonly tenant: string;
  readonly stream: InputStream;
  readonly batchId: string;
  /** First and last sequence number; chunks of other partitions lie between. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly events: number;
  /** Of its events as NDJSON; absent in plans of earlier versions. */
  readonly bytes?: number;
  /** True once Temporal has the batch. */
  readonly started?: boolean;
  /** What its workflow was started with, once Temporal has it: it may be forgotten there. Absent in plans of earlier versions. */
  readonly input?: IngestBatchInput;
  /** True when no workflow has it, and there is none to wait for: all of it is among the dead letters. */
  readonly dead?: boolean;
}

/** What closes a batch. */
export interface BatchLimits {
  readonly maxEvents: number;
  readonly maxBytes: number;
  readonly lingerMs: number;
}

/** The name of a tenant's stream in maps and logs. */
export function partitionKey(tenant: string, stream: InputStream): string {
  return `${tenant}/${stream}`;
}

/** What dedupe calls a tenant's stream of before the source counted: its fingerprints are of ids alone. */
export function idPartitionKey(tenant: string, stream: InputStream): string {
  return `${tenant}/${stream}/ids`;
}

/**
 * A tenant's input stream: its waiting chunks in order of receipt and the one batch that is on its way. States:
 * idle (nothing waits) → waiting (chunks, none on its way) → busy (a batch is on its way; chunks may wait behind it).
 */
export class Partition {
  readonly key: string;
  /** The batch on its way, from its plan to the end of its workflow. */
  plan?: Plan;
  /** The chunks of that batch, until Temporal has it. */
  sending: readonly Chunk[] = [];
  /** The batch that a crash left planned, until its chunks are here again. */
  unfinished?: Plan;
  /** The newest chunk that waits. */
  newest?: Chunk;
  /** Deficit of the round robin, in events. */
  deficit = 0;
  /** Events and bytes that wait. */
  waitingEvents = 0;
  waitingBytes = 0;
  private readonly chunks = new ChunkQueue();

  constructor(
    readonly tenant: string,
    readonly stream: InputStream,
  ) {
    this.key = partitionKey(tenant, stream);
  }

  /** Adds the next chunk. */
  push(chunk: Chunk): void {
    this.chunks.push(chunk);
    this.newest = chunk;
    this.waitingEvents += chunk.events;
    this.waitingBytes += chunk.bytes;
  }

  /** What Temporal does not have yet, in order of receipt: what is on its way, then what waits. */
  *unsent(): Iterable<Chunk> {
    yield* this.sending;
    yield* this.chunks;
  }

  /** How many chunks wait. */
  get waiting(): number {
    return this.chunks.length;
  }

  /** The oldest waiting chunk. */
  get oldest(): Chunk | undefined {
    return this.chunks.first;
  }

  /** The next batch: as many chunks as the limits allow, at least one. */
  peek(limits: BatchLimits): Chunk[] {
    const taken: Chunk[] = [];
    let events = 0;
    let bytes = 0;
    for (const chunk of this.chunks) {
      events += chunk.events;
      bytes += chunk.bytes;
      if (taken.length > 0 && (events > limits.maxEvents || bytes > limits.maxBytes)) break;
      taken.push(chunk);
    }
    return taken;
  }

  /** Takes `count` chunks from the front. */
  take(count: number): Chunk[] {
    const taken = this.chunks.take(count);
    for (const chunk of taken) {
      this.waitingEvents -= chunk.events;
      this.waitingBytes -= chunk.bytes;
    }
    return taken;
  }
}
