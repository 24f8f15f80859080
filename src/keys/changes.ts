/** Something that changes now and then, as those see it who have looked at it. */
export interface Changing {
  /** How often it has changed. */
  changes(): number;
  /** Calls `listener` after each change from now on, at once. Returns how to stop that. */
  onChange(listener: () => void): () => void;
}

/** Counts changes, and calls those who listen. */
export class Changes implements Changing {
  private count = 0;
  private readonly listeners = new Set<() => void>();

  changes(): number {
    return this.count;
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** To be called once the new is in force. */
  happened(): void {
    this.count++;
    for (const listener of this.listeners) listener();
  }
}
