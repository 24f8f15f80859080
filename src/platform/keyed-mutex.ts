/**
 * Work under a key begins after all earlier work under that key has ended, well or badly. Within this process; a key with
 * nothing to do takes no memory.
 */
export class KeyedMutex {
  private readonly tails = new Map<string, Promise<void>>();

  /** Runs `work` in its turn, and returns what it does. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.tails.get(key) ?? Promise.resolve()).then(work);
    const tail = turn.then(
      () => undefined,
      () => undefined,
    );
    this.tails.set(key, tail);
    try {
      return await turn;
    } finally {
      if (this.tails.get(key) === tail) this.tails.delete(key);
    }
  }

  /** Waits for all work that has been handed in by now. */
  async idle(): Promise<void> {
    await Promise.all(this.tails.values());
  }
}
