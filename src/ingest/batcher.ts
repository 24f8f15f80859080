import { INPUT_STREAMS, type InputStream } from '../events/event.js';
import { Lane, laneKey, type BatchLimits, type Plan } from './lane.js';
import type { Chunk } from '../events/chunk.js';

/** What a {@link Batcher} needs. */
export interface BatcherOptions {
  /** The id of a new batch, see BatchIds. */
  readonly nextBatchId: () => string;
  /** The tenant's limits, or undefined while the tenant is not configured: its events then wait. */
  readonly limitsOf: (tenant: string) => BatchLimits | undefined;
  /** Carries a batch from its plan to the end of its workflow; retries until that is reached, and rejects only when told to stop. */
  readonly run: (plan: Plan, chunks: readonly Chunk[]) => Promise<void>;
  /** Told when `run` rejects though it was not told to stop: a fault in Headgate, which leaves the lane standing. */
  readonly onFault: (error: unknown) => void;
  /** Batches in flight over all lanes that could still grow. Default 3: on two cores more only makes them smaller. */
  readonly slots?: number;
  /** Batches in flight over all lanes, with those that are full; waiting makes them no bigger, and they need no slot. Default 8. */
  readonly maxInFlight?: number;
  /** A batch that is slower than this gives its slot back, so that one stuck tenant holds up nobody. Default 3 s. */
  readonly slotMs?: number;
  /** While events wait, a slot rests for so many times as long as its batch took, unless that was big. Default 8; see {@link REST_PER_WORK}. */
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
 * Temporal shortens the rest by itself, and there is none when nothing waits. For events that are delivered it depends on
 * how busy the machine is: they would come late for nothing while it has time to spare. Others wait for their load anyway.
 */
const REST_PER_WORK = 8;
/** How busy the machine is when slots begin to rest after batches that are delivered, and when they rest fully. */
const BUSY = { from: 0.6, to: 0.9 };
const MAX_REST_MS = 1_000;
/** Of the most that a batch may hold: a big batch. */
const BIG = 0.5;

/** Events a lane may send each time its turn comes round. */
const QUANTUM_EVENTS = 10_000;

/**
 * Groups decided chunks into batches. A lane is ready when its oldest chunk has waited out the linger or enough has
 * come together; ready lanes take turns by deficit round robin; a few batches are in flight at once, one per lane.
 * While all slots are taken chunks pile up and batches grow by themselves: low latency when idle, big batches under load.
 * @see "Efficient Fair Queueing Using Deficit Round Robin", Shreedhar and Varghese, 1995
 */
export class Batcher {
  private readonly lanes = new Map<string, Lane>();
  /** Lanes in turn; a Set keeps the order and each lane once. */
  private readonly ready = new Set<Lane>();
  /** Those of them that have a full batch, in turn. */
  private readonly full = new Set<Lane>();
  private readonly timers = new Map<Lane, NodeJS.Timeout>();
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
    const lane = this.laneOf(chunk.tenant, chunk.stream);
    lane.push(chunk);
    this.wake(lane);
  }

  /**
   * Goes on where the last process stopped, before any chunk is added: a batch that Temporal has is awaited, one that it
   * may not have is started again under its old id once its chunks have come.
   */
  recover(plans: readonly Plan[]): void {
    for (const plan of plans) {
      const lane = this.laneOf(plan.tenant, plan.stream);
      if (plan.started === true) this.launch(lane, plan, []);
      else lane.unfinished = plan;
    }
  }

  /** No more chunks of before the stop will come: a batch some of whose chunks are gone goes on with those that are here. */
  recovered(): void {
    for (const lane of this.lanes.values())
      if (lane.unfinished !== undefined) this.launchUnfinished(lane, lane.unfinished);
  }

  /** Looks at every lane of a tenant again: its configuration has changed. */
  reconsider(tenant: string): void {
    for (const stream of INPUT_STREAMS) {
      const lane = this.lanes.get(laneKey(tenant, stream));
      if (lane !== undefined) this.wake(lane);
    }
  }

  /** Waiting bytes and the oldest waiting chunk's time of one tenant, for admission. */
  backlog(tenant: string): { bytes: number; oldestAt?: number } {
    let bytes = 0;
    let oldestAt: number | undefined;
    for (const stream of INPUT_STREAMS) {
      const lane = this.lanes.get(laneKey(tenant, stream));
      if (lane === undefined) continue;
      bytes += lane.waitingBytes;
      const at = lane.oldest?.receivedAt;
      if (at !== undefined && (oldestAt === undefined || at < oldestAt)) oldestAt = at;
    }
    return oldestAt === undefined ? { bytes } : { bytes, oldestAt };
  }

  /** When the oldest chunk was received that Temporal does not have yet, in milliseconds since the epoch. */
  get oldestAt(): number | undefined {
    let oldestAt: number | undefined;
    for (const { oldest, sending } of this.lanes.values()) {
      const at = (sending[0] ?? oldest)?.receivedAt;
      if (at !== undefined && (oldestAt === undefined || at < oldestAt)) oldestAt = at;
    }
    return oldestAt;
  }

  /** What Temporal does not have yet of a tenant's stream, in order of receipt. */
  unsent(tenant: string, stream: InputStream): Iterable<Chunk> {
    return this.lanes.get(laneKey(tenant, stream))?.unsent() ?? [];
  }

  /** Temporal has these chunks, of one lane. */
  handedOver([first]: readonly Chunk[]): void {
    if (first !== undefined) this.laneOf(first.tenant, first.stream).sending = [];
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

  private laneOf(tenant: string, stream: InputStream): Lane {
    const key = laneKey(tenant, stream);
    let lane = this.lanes.get(key);
    if (lane === undefined) this.lanes.set(key, (lane = new Lane(tenant, stream)));
    return lane;
  }

  /** Puts the lane in the turn if it has a batch to send, or sets its timer if it will have one soon. */
  private wake(lane: Lane): void {
    const limits = this.options.limitsOf(lane.tenant);
    const oldest = lane.oldest;
    if (lane.unfinished !== undefined) return this.resume(lane, lane.unfinished);
    if (this.stopped || lane.plan !== undefined || oldest === undefined || limits === undefined) return;
    const waitedMs = this.now() - oldest.receivedAt;
    // Below 0 the clock was ahead when it came, and says nothing of how long it has waited.
    const restMs = waitedMs < 0 ? 0 : limits.lingerMs - waitedMs;
    const full = lane.waitingEvents >= limits.maxEvents || lane.waitingBytes >= limits.maxBytes;
    if (full || restMs <= 0) {
      this.ready.add(lane);
      if (full) this.full.add(lane);
      this.dispatch();
    } else if (!this.timers.has(lane)) {
      this.timers.set(
        lane,
        setTimeout(() => this.lingered(lane), restMs),
      );
    }
  }

  /** Launches the batch that a crash left planned, once all of its chunks are here. */
  private resume(lane: Lane, plan: Plan): void {
    if (!this.stopped && (lane.newest?.seq ?? 0) >= plan.lastSeq) this.launchUnfinished(lane, plan);
  }

  private launchUnfinished(lane: Lane, plan: Plan): void {
    const chunks = lane.peek({ maxEvents: Infinity, maxBytes: Infinity, lingerMs: 0 });
    const taken = lane.take(chunks.filter(({ seq }) => seq <= plan.lastSeq).length);
    lane.unfinished = undefined;
    this.launch(lane, plan, taken);
  }

  private lingered(lane: Lane): void {
    this.timers.delete(lane);
    this.wake(lane);
  }

  private dispatch(): void {
    const maxInFlight = this.options.maxInFlight ?? 8;
    this.takeTurns(this.ready, true, () => this.free > 0);
    this.takeTurns(this.full, false, () => this.running.size < maxInFlight);
  }

  /** Deficit round robin over lanes that have a batch to send, while there is room for one. */
  private takeTurns(lanes: Set<Lane>, takesSlot: boolean, hasRoom: () => boolean): void {
    while (hasRoom() && !this.stopped) {
      const lane = lanes.values().next().value;
      if (lane === undefined) return;
      lanes.delete(lane);
      const limits = this.options.limitsOf(lane.tenant);
      const chunks = limits === undefined ? [] : lane.peek(limits);
      const events = chunks.reduce((sum, chunk) => sum + chunk.events, 0);
      lane.deficit += QUANTUM_EVENTS;
      if (events > lane.deficit && lanes.size > 0) {
        lanes.add(lane);
        continue;
      }
      this.ready.delete(lane);
      this.full.delete(lane);
      if (chunks.length === 0) continue;
      lane.deficit = lane.waiting > chunks.length ? Math.max(0, lane.deficit - events) : 0;
      this.send(lane, chunks, events, takesSlot);
    }
  }

  private send(lane: Lane, chunks: readonly Chunk[], events: number, takesSlot: boolean): void {
    const [first, last] = [chunks[0] as Chunk, chunks.at(-1) as Chunk];
    lane.take(chunks.length);
    this.launch(lane, this.planOf(lane, first, last, events), chunks, takesSlot);
  }

  private planOf(lane: Lane, first: Chunk, last: Chunk, events: number): Plan {
    return {
      tenant: lane.tenant,
      stream: lane.stream,
      batchId: this.options.nextBatchId(),
      firstSeq: first.seq,
      lastSeq: last.seq,
      events,
    };
  }

  private launch(lane: Lane, plan: Plan, chunks: readonly Chunk[], takesSlot = true): void {
    const began = performance.now();
    lane.plan = plan;
    lane.sending = chunks;
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
          lane.plan = undefined;
          this.wake(lane);
          giveBack();
        };
        const restMs = this.restAfter(lane, plan, performance.now() - began);
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

  private restAfter(lane: Lane, plan: Plan, tookMs: number): number {
    const maxEvents = this.options.limitsOf(lane.tenant)?.maxEvents ?? 0;
    const idle = this.ready.size === 0 && lane.waiting === 0;
    if (this.stopped || idle || plan.events >= BIG * maxEvents) return 0;
    const { restPerWork = REST_PER_WORK, delivers = () => false, busyness = () => 1 } = this.options;
    const share = delivers(lane.tenant) ? (busyness() - BUSY.from) / (BUSY.to - BUSY.from) : 1;
    return Math.min(MAX_REST_MS, Math.max(0, share) * restPerWork * tookMs);
  }
}
