/** What is under way by key, until it has ended, well or badly. */
export class UnderWay<T extends { readonly done: Promise<unknown> }> {
  private readonly keys = new Map<string, Set<T>>();

  /** What is under way of a key; undefined where nothing is. */
  of(key: string): ReadonlySet<T> | undefined {
    return this.keys.get(key);
  }

  /** Adds one, until it is done. */
  add(key: string, one: T): void {
    const own = this.keys.get(key) ?? new Set();
    this.keys.set(key, own.add(one));
    const forget = (): void => {
      own.delete(one);
      if (own.size === 0) this.keys.delete(key);
    };
    one.done.then(forget, forget);
  }

  /** Waits for what is under way of a key now. */
  settledOf(key: string): Promise<void> {
    return settled(this.keys.get(key) ?? []);
  }

  /** Waits for all that is under way now. */
  settled(): Promise<void> {
    return settled([...this.keys.values()].flatMap((own) => [...own]));
  }
}

async function settled(all: Iterable<{ readonly done: Promise<unknown> }>): Promise<void> {
  await Promise.allSettled([...all].map(({ done }) => done));
}
