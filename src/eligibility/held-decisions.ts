import type { ChunkDecisions, StateStore } from '../stores/state/state-store.js';

/** What a checkpoint writes of decisions. */
export interface DecisionsCut {
  readonly decisions: ReadonlyMap<number, ChunkDecisions>;
  readonly forgotten: readonly number[];
}

/**
 * Decisions on chunks from when they are made until they are in a batch file. States of a chunk's decisions: in memory →
 * being stored, with a checkpoint → stored, so that they are bounded in memory and outlive a crash together with the
 * state they were made from → forgotten, and removed from the store with the next checkpoint.
 */
export class HeldDecisions {
  private readonly inMemory = new Map<number, ChunkDecisions>();
  private readonly stored: Set<number>;
  private storing: ReadonlyMap<number, ChunkDecisions> = new Map();
  private forgotten: number[] = [];
  private held = 0;

  constructor(private readonly store: Pick<StateStore, 'decisions' | 'decidedChunks'>) {
    this.stored = new Set(store.decidedChunks());
  }

  /** Characters of the decisions in memory. */
  get length(): number {
    return this.held;
  }

  /** Keeps the decisions on a chunk. */
  add(seq: number, decisions: ChunkDecisions): void {
    this.inMemory.set(seq, decisions);
    this.held += decisions.ndjson.length;
  }

  /** The decisions on a chunk, or undefined if none were made yet or they have been forgotten. */
  get(seq: number): ChunkDecisions | undefined {
    return this.inMemory.get(seq) ?? (this.stored.has(seq) ? this.store.decisions(seq) : undefined);
  }

  /** A chunk's decisions are in a batch file that Temporal knows. */
  forget(seq: number): void {
    const decisions = this.inMemory.get(seq);
    if (decisions !== undefined) this.held -= decisions.ndjson.length;
    this.inMemory.delete(seq);
    if (this.stored.delete(seq) || this.storing.has(seq)) this.forgotten.push(seq);
  }

  /** Forgets what was stored before a crash, but for these chunks. */
  forgetAllBut(needed: ReadonlySet<number>): void {
    for (const seq of this.stored) if (!needed.has(seq)) this.forget(seq);
  }

  /** What the next checkpoint writes; to be followed by {@link HeldDecisions.kept} or {@link HeldDecisions.notKept}. */
  cut(): DecisionsCut {
    this.storing = new Map(this.inMemory);
    return { decisions: this.storing, forgotten: this.forgotten.splice(0) };
  }

  /** The cut is on disk: what of it is still needed is read from there from now on. */
  kept(): void {
    for (const [seq, decisions] of this.storing) {
      if (this.inMemory.delete(seq)) {
        this.held -= decisions.ndjson.length;
        this.stored.add(seq);
      }
    }
    this.storing = new Map();
  }

  /** The cut could not be written. */
  notKept({ forgotten }: DecisionsCut): void {
    this.forgotten.push(...forgotten);
    this.storing = new Map();
  }
}
