import { INPUT_STREAMS, type InputStream } from '../events/event.js';
import { Partition, partitionKey, type BatchLimits, type Plan } from './partition.js';
import type { Chunk } from '../events/chunk.js';

/** What a {@link Batcher} needs. */
export interface BatcherOptions {
  /** The id of a new batch, see BatchIds. */
  readonly nextBatchId: () => string;
  /** The tenant's limits, or undefined while the tenant is not configured: its events then wait. */
  readonly limitsOf: (tenant: string) => BatchLimits | undefined;
  /** Carries a batch from its plan to the end of its workflow; retries until that is reached, and rejects only when told to stop. */
  readonly run: (plan: Plan, chunks: readonly Chunk[]) => Promise<void>;
  /** Told when `run` rejects though it was not told to stop: a fault in Headgate, which stops the partition. */
  readonly onFault: (error: unknown) => void;
  /** Batches in flight over all partitions that could still grow. Default 3: on two cores more only makes them smaller. */
  readonly slots?: number;
  /** Batches in flight over all partitions, with those that are full; waiting makes them no bigger, and they need no slot. Default 8. */
  readonly maxInFlight?: number;
  /** A batch that is slower than this gives its slot back, so that one stuck tenant holds up nobody. Default 3 s. */
  readonly slotMs?: number;
  /** While events wait, a slot rests for N times as long as its batch took, unless that was big. Default 8; see {@link REST_PER_WORK}. */
  readonly restPerWork?: number;
  /** True of tenants whose events are delivered: their batches wait only while the machine is busy. Default: of none. */
  readonly delivers?: (tenant: string) => boolean;
  /** How busy the machine is, 0 to 1. Default: always 1. */
  readonly busyness?: () => number;
  readonly now?: () => number;
}

/**
 * How long a slot rests: a workflow costs the same
 * for one event as for thousands, so under load fewer and bigger ones leave the machine to what costs per event. A faster
 * Temporal shortens the rest on its own, and there is none when nothing waits. For events that are delivered it depends on
 * how busy the machine is: they would come late for nothing while it has time to spare. Others wait for their load anyway.
 */
const REST_PER_WORK = 8;
/** How busy the machine is when slots begin to rest after batches that are delivered, and when they rest fully. */
const BUSY = { from: 0.6, to: 0.9 };
const MAX_REST_MS = 1_000;
/** Of the most that a batch may hold: a big batch. */
const BIG = 0.5;

/** Events a partition may send each time its turn comes round. */
const QUANTUM_EVENTS = 10_000;

/**
 * Groups decided chunks into batches. A partition is ready when its oldest chunk has waited out the linger or enough has
 * come together; ready partitions take turns by deficit round robin; a few batches are in flight at once, one per partition.
 * While all slots are taken chunks pile up and batches grow automatically: low latency when idle, big batches under load.
 * @see "Efficient Fair Queueing Using Deficit Round Robin", Shreedhar and Varghese, 1995
 */
export class Batcher {
  private readonly partitions = new Map<string, Partition>();
  /** Partitions in turn; a Set keeps the order and each partition once. */
  private readonly ready = new Set<Partition>();
  /** Those of them that have a full batch, in turn. */
  private readonly full = new Set<Partition>();
  private readonly timers = new Map<Partition, NodeJS.Timeout>();
  private readonly running = new Set<Promise<void>>();
  private free: number;
  private stopped = false;
  private readonly now: () => number;

  constructor(private readonly options: BatcherOptions) {
    this.free = options.slots ?? 3;
    this.now = options.now ?? Date.now;
  }

  /** Takes a chunk that has been decided on. */
  add(chunk: Chunk): void {
    const partition = this.partitionOf(chunk.tenant, chunk.stream);
    partition.push(chunk);
    this.wake(partition);
  }

  /**
   * Goes on where the last process stopped, before any chunk is added: a batch that Temporal has is awaited, one that it
   * may not have is started again under its old id once its chunks have come.
   */
  recover(plans: readonly Plan[]): void {
    for (const plan of plans) {
      const partition = this.partitionOf(plan.tenant, plan.stream);
      if (plan.started === true) this.launch(partition, plan, []);
      else partition.unfinished = plan;
    }
  }

  /** No more chunks of before the stop will come: a batch some of whose chunks are gone goes on with those that are here. */
  recovered(): void {
    for (const partition of this.partitions.values())
      if (partition.unfinished !== undefined) this.launchUnfinished(partition, partition.unfinished);
  }

  /** Looks at every partition of a tenant again: its configuration has changed. */
  reconsider(tenant: string): void {
    for (const stream of INPUT_STREAMS) {
      const partition = this.partitions.get(partitionKey(tenant, stream));
      if (partition !== undefined) this.wake(partition);
    }
  }

  /** Waiting bytes and the oldest waiting chunk's time of one tenant, for admission. */
  backlog(tenant: string): { bytes: number; oldestAt?: number } {
    let bytes = 0;
    let oldestAt: number | undefined;
    for (const stream of INPUT_STREAMS) {
      const partition = this.partitions.get(partitionKey(tenant, stream));
      if (partition === undefined) continue;
      bytes += partition.waitingBytes;
      const at = partition.oldest?.receivedAt;
      if (at !== undefined && (oldestAt === undefined || at < oldestAt)) oldestAt = at;
    }
    return oldestAt === undefined ? { bytes } : { bytes, oldestAt };
  }

  /** When the oldest chunk was received that Temporal does not have yet, in milliseconds since the epoch. */
  get oldestAt(): number | undefined {
    return oldestOf(this.partitions.values());
  }

  /** The same of one tenant's chunks. */
  oldestOf(tenant: string): number | undefined {
    const own = INPUT_STREAMS.map((stream) => this.partitions.get(partitionKey(tenant, stream)));
    return oldestOf(own.filter((partition) => partition !== undefined));
  }

  /** What Temporal does not have yet of a tenant's stream, in order of receipt. */
  unsent(tenant: string, stream: InputStream): Iterable<Chunk> {
    return this.partitions.get(partitionKey(tenant, stream))?.unsent() ?? [];
  }

  /** Temporal has these chunks, of one partition. */
  handedOver([first]: readonly Chunk[]): void {
    if (first !== undefined) this.partitionOf(first.tenant, first.stream).sending = [];
  }

  /** Batches on their way. */
  get inFlight(): number {
    return this.running.size;
  }

  /** Starts no further batch, and waits for those in flight as far as `run` carries them. */
  async stop(): Promise<void> {
    this.stopped = true;
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
    await Promise.allSettled(this.running);
  }

  private partitionOf(tenant: string, stream: InputStream): Partition {
    const key = partitionKey(tenant, stream);
    let partition = this.partitions.get(key);
    if (partition === undefined) this.partitions.set(key, (partition = new Partition(tenant, stream)));
    return partition;
  }

  /** Puts the partition in the turn if it has a batch to send, or sets its timer if it will have one soon. */
  private wake(partition: Partition): void {
    const limits = this.options.limitsOf(partition.tenant);
    const oldest = partition.oldest;
    if (partition.unfinished !== undefined) return this.resume(partition, partition.unfinished);
    if (this.stopped || partition.plan !== undefined || oldest === undefined || limits === undefined) return;
    const waitedMs = this.now() - oldest.receivedAt;
    // Below 0 the clock was ahead when it came, and says nothing of how long it has waited.
    const restMs = waitedMs < 0 ? 0 : limits.lingerMs - waitedMs;
    const full = partition.waitingEvents >= limits.maxEvents || partition.waitingBytes >= limits.maxBytes;
    if (full || restMs <= 0) {
      this.ready.add(partition);
      if (full) this.full.add(partition);
      this.dispatch();
    } else if (!this.timers.has(partition)) {
      this.timers.set(
        partition,
        setTimeout(() => this.lingered(partition), restMs),
      );
    }
  }

  /** Launches the batch that a crash left planned, once all of its chunks are here. */
  private resume(partition: Partition, plan: Plan): void {
    if (!this.stopped && (partition.newest?.seq ?? 0) >= plan.lastSeq) this.launchUnfinished(partition, plan);
  }

  private launchUnfinished(partition: Partition, plan: Plan): void {
    const chunks = partition.peek({ maxEvents: Infinity, maxBytes: Infinity, lingerMs: 0 });
    const taken = partition.take(chunks.filter(({ seq }) => seq <= plan.lastSeq).length);
    partition.unfinished = undefined;
    this.launch(partition, plan, taken);
  }

  private lingered(partition: Partition): void {
    this.timers.delete(partition);
    this.wake(partition);
  }

  private dispatch(): void {
    const maxInFlight = this.options.maxInFlight ?? 8;
    this.takeTurns(this.ready, true, () => this.free > 0);
    this.takeTurns(this.full, false, () => this.running.size < maxInFlight);
  }

  /** Deficit round robin over partitions that have a batch to send, while there is room for one. */
  private takeTurns(partitions: Set<Partition>, takesSlot: boolean, hasRoom: () => boolean): void {
    while (hasRoom() && !this.stopped) {
      const partition = partitions.values().next().value;
      if (partition === undefined) return;
      partitions.delete(partition);
      const limits = this.options.limitsOf(partition.tenant);
      const chunks = limits === undefined ? [] : partition.peek(limits);
      const events = chunks.reduce((sum, chunk) => sum + chunk.events, 0);
      partition.deficit += QUANTUM_EVENTS;
      if (events > partition.deficit && partitions.size > 0) {
        partitions.add(partition);
        continue;
      }
      this.ready.delete(partition);
      this.full.delete(partition);
      if (chunks.length === 0) continue;
      partition.deficit = partition.waiting > chunks.length ? Math.max(0, partition.deficit - events) : 0;
      this.send(partition, chunks, events, takesSlot);
    }
  }

  private send(partition: Partition, chunks: readonly Chunk[], events: number, takesSlot: boolean): void {
    partition.take(chunks.length);
    this.launch(partition, this.planOf(partition, chunks, events), chunks, takesSlot);
  }

  private planOf(partition: Partition, chunks: readonly Chunk[], events: number): Plan {
    const [first, last] = [chunks[0] as Chunk, chunks.at(-1) as Chunk];
    return {
      tenant: partition.tenant,
      stream: partition.stream,
      batchId: this.options.nextBatchId(),
      firstSeq: first.seq,
      lastSeq: last.seq,
      events,
      bytes: chunks.reduce((sum, { bytes }) => sum + bytes, 0),
    };
  }

  private launch(partition: Partition, plan: Plan, chunks: readonly Chunk[], takesSlot = true): void {
    const began = performance.now();
    partition.plan = plan;
    partition.sending = chunks;
    if (takesSlot) this.free--;
    let holding = takesSlot;
    const giveBack = (): void => {
      if (holding) this.free++;
      holding = false;
      this.dispatch();
    };
    const timer = setTimeout(giveBack, this.options.slotMs ?? 3_000);
    const done = this.options.run(plan, chunks).then(
      () => {
        const finish = (): void => {
          clearTimeout(timer);
          partition.plan = undefined;
          this.wake(partition);
          giveBack();
        };
        const restMs = this.restAfter(partition, plan, performance.now() - began);
        if (restMs === 0) finish();
        else setTimeout(finish, restMs);
      },
      (error: unknown) => {
        clearTimeout(timer);
        // At shutdown the plan stays in the spool, and the next process goes on with it.
        if (!this.stopped) this.options.onFault(error);
        giveBack();
      },
    );
    this.running.add(done);
    void done.finally(() => {
      this.running.delete(done);
      this.dispatch();
    });
  }

  private restAfter(partition: Partition, plan: Plan, tookMs: number): number {
    const maxEvents = this.options.limitsOf(partition.tenant)?.maxEvents ?? 0;
    const idle = this.ready.size === 0 && partition.waiting === 0;
    if (this.stopped || idle || plan.events >= BIG * maxEvents) return 0;
    const { restPerWork = REST_PER_WORK, delivers = () => false, busyness = () => 1 } = this.options;
    const share = delivers(partition.tenant) ? (busyness() - BUSY.from) / (BUSY.to - BUSY.from) : 1;
    return Math.min(MAX_REST_MS, Math.max(0, share) * restPerWork * tookMs);
  }
}

function oldestOf(partitions: Iterable<Partition>): number | undefined {
  let oldestAt: number | undefined;
  for (const { oldest, sending } of partitions) {
    const at = (sending[0] ?? oldest)?.receivedAt;
    if (at !== undefined && (oldestAt === undefined || at < oldestAt)) oldestAt = at;
  }
  return oldestAt;
}
