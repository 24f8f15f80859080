import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EventRow } from '../event.js';
import { ChunkQueue } from '../ingest/chunk-queue.js';
import type { Chunk } from '../ingest/lane.js';
import type { FoundChunk } from '../ingest/spool.js';
import type { CompiledRules } from '../rules/compiled.js';
import type { ChunkDecisions, StateStore, SubjectRecord } from '../stores/state/state-store.js';
import { decideChunk, type OnFault } from './decide-chunk.js';
import { HeldDecisions } from './held-decisions.js';
import { Subjects } from './subjects.js';

/** What a {@link Decider} needs. */
export interface DeciderOptions {
  readonly store: StateStore;
  /** The tenant's rules as configured now, or undefined while it is not configured: its events then wait. */
  readonly rulesOf: (tenant: string) => CompiledRules | undefined;
  /** A chunk's events, read back. */
  readonly eventsOf: (chunk: Chunk) => EventRow[];
  /** Told of each chunk once it is decided on; a tenant's chunks in order of receipt. */
  readonly onDecided: (chunk: Chunk) => void;
  /** Told once there is something that a checkpoint would write. */
  readonly onChange: () => void;
  readonly onFault: OnFault;
  /** Told when a chunk cannot be read back: the spool is damaged. */
  readonly onFatal: (error: unknown) => void;
  /** Characters of decisions in memory beyond which deciding waits for a checkpoint. Default 64 million. */
  readonly maxHeld?: number;
}

interface Progress {
  /** The last chunk that was decided on. */
  watermark: number;
  /** Chunks to be decided on, in order of receipt. */
  readonly waiting: ChunkQueue;
}

const MAX_HELD = 64_000_000;

/**
 * Decides at the door: applies each chunk to its tenant's subjects in memory as soon as it is flushed, in order of
 * receipt, before its request is answered. So a decision can be read when the 202 comes. What it cannot decide on now
 * (its tenant is not configured, or the state cannot be written) waits in order.
 *
 * The decisions are held until the chunk's batch is written. State and decisions survive a crash by checkpoints; what
 * came after the last one is decided on again, from the spool, with the same result.
 */
export class Decider {
  readonly subjects: Subjects;
  readonly decisions: HeldDecisions;
  private readonly tenants = new Map<string, Progress>();
  /** Tenants that have gone on since the last checkpoint began. */
  private advanced = new Set<string>();
  /** Chunks found at start that Temporal has already. */
  private readonly handedOver = new Set<number>();
  private catchingUp: Promise<void> | undefined;
  private stopped = false;
  private readonly maxHeld: number;

  constructor(private readonly options: DeciderOptions) {
    this.subjects = new Subjects(options.store);
    this.decisions = new HeldDecisions(options.store);
    this.maxHeld = options.maxHeld ?? MAX_HELD;
  }

  /** Decides on a chunk that has been flushed, now or in its turn. `events` are its events, to save reading them back. */
  take(chunk: Chunk, events?: readonly EventRow[]): void {
    const progress = this.progressOf(chunk.tenant);
    const rules = progress.waiting.length > 0 || this.full ? undefined : this.options.rulesOf(chunk.tenant);
    if (rules === undefined) {
      progress.waiting.push(chunk);
      if (!this.full) void this.catchUp();
    } else {
      this.decide(chunk, events ?? this.options.eventsOf(chunk), rules, progress);
    }
  }

  /** Takes a chunk found at start, to be decided on again, with {@link Decider.catchUp}. */
  recover(chunk: FoundChunk): void {
    this.progressOf(chunk.tenant).waiting.push(chunk);
    if (chunk.handedOver) this.handedOver.add(chunk.seq);
  }

  /** Decides on what waits, as far as that is possible now. Resolves when there is nothing left to do. */
  catchUp(): Promise<void> {
    this.catchingUp ??= this.decideWaiting()
      .catch(this.options.onFatal)
      .finally(() => (this.catchingUp = undefined));
    return this.catchingUp;
  }

  /** What is known of a subject. */
  subject(tenant: string, subject: string): SubjectRecord | undefined {
    return this.subjects.peek(tenant, subject);
  }

  /** Up to where the events of the tenants that went on since the last call are in the state. */
  takeWatermarks(): ReadonlyMap<string, number> {
    const watermarks = new Map(
      [...this.advanced].map((tenant) => [tenant, this.progressOf(tenant).watermark]),
    );
    this.advanced = new Set();
    return watermarks;
  }

  /** Takes back watermarks that could not be written. */
  giveBack(watermarks: ReadonlyMap<string, number>): void {
    for (const tenant of watermarks.keys()) this.advanced.add(tenant);
  }

  /** True when something has been decided since the last checkpoint began. */
  get advancing(): boolean {
    return this.advanced.size > 0;
  }

  /** Chunks that wait to be decided on. */
  get waiting(): number {
    let waiting = 0;
    for (const progress of this.tenants.values()) waiting += progress.waiting.length;
    return waiting;
  }

  /** Decides on nothing more. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.catchingUp;
  }

  private get full(): boolean {
    return this.decisions.length > this.maxHeld;
  }

  private progressOf(tenant: string): Progress {
    let progress = this.tenants.get(tenant);
    if (progress === undefined) {
      progress = { watermark: this.options.store.watermark(tenant), waiting: new ChunkQueue() };
      this.tenants.set(tenant, progress);
    }
    return progress;
  }

  private decide(chunk: Chunk, events: readonly EventRow[], rules: CompiledRules, progress: Progress): void {
    const { tenant, stream, seq } = chunk;
    const recordOf = (subject: string): SubjectRecord => this.subjects.change(tenant, subject);
    const decided: ChunkDecisions = decideChunk(stream, events, rules, recordOf, this.options.onFault);
    progress.watermark = seq;
    this.advanced.add(tenant);
    this.options.onChange();
    // Its batch was written before the crash, with the decisions on it.
    if (this.handedOver.delete(seq)) return;
    this.decisions.add(seq, decided);
    this.options.onDecided(chunk);
  }

  /** Tenants take turns, a chunk each, and requests are answered in between. */
  private async decideWaiting(): Promise<void> {
    for (let went = true; went;) {
      went = false;
      for (const [tenant, progress] of this.tenants) {
        const rules = this.full || this.stopped ? undefined : this.options.rulesOf(tenant);
        const chunk = progress.waiting.first;
        if (chunk === undefined || rules === undefined) continue;
        const events = this.options.eventsOf(chunk);
        progress.waiting.take(1);
        this.decide(chunk, events, rules, progress);
        went = true;
        await nextTurn();
      }
    }
  }
}
