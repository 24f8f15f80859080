import type { FingerprintSet } from './fingerprint-set.js';

/** A request's events while they are being written. */
export interface Write {
  /** The fingerprints of their ids. */
  readonly prints: FingerprintSet;
  readonly done: Promise<void>;
}

/** The writes under way, by lane: a copy of an event that is being written is a duplicate only once that write is done. */
export class Writes {
  private readonly lanes = new Map<string, Set<Write>>();

  /** The writes of a lane that are under way. */
  of(lane: string): ReadonlySet<Write> | undefined {
    return this.lanes.get(lane);
  }

  /** Adds a write, until it is done. */
  add(lane: string, write: Write): void {
    const writes = this.lanes.get(lane) ?? new Set();
    this.lanes.set(lane, writes.add(write));
    const forget = (): void => {
      writes.delete(write);
      if (writes.size === 0) this.lanes.delete(lane);
    };
    write.done.then(forget, forget);
  }

  /** Waits for the writes of a lane that are under way. */
  async settledOf(lane: string): Promise<void> {
    await Promise.allSettled([...(this.lanes.get(lane) ?? [])].map(({ done }) => done));
  }

  /** Waits until nothing is being written. */
  async settled(): Promise<void> {
    await Promise.allSettled(
      [...this.lanes.values()].flatMap((writes) => [...writes].map(({ done }) => done)),
    );
  }
}
