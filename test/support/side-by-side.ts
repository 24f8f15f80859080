/** Cases that run a few at a time, each looked at by a test of its own: most of their time is waiting. */
export interface SideBySide<T> {
  /** The end of a case. When the first is asked for, it and those after it begin, as many as may run at once. */
  outcomeOf(each: T): Promise<void>;
  /** Begins no further case, and waits for those under way: for an after hook, whatever has failed. */
  stop(): Promise<void>;
}

/** Prepares cases to be run in order, at most `atOnce` at a time. */
export function sideBySide<T>(
  cases: readonly T[],
  atOnce: number,
  run: (each: T) => Promise<void>,
): SideBySide<T> {
  const begun = new Map<T, Promise<void>>();
  let underWay = 0;
  let over = false;

  /** Begins the first case from `from` on that has not begun; false when there is none. */
  function beginNext(from: T): boolean {
    const next = cases.slice(cases.indexOf(from)).find((each) => !begun.has(each));
    if (next === undefined || over) return false;
    underWay++;
    const running = run(next).finally(() => {
      underWay--;
      beginNext(next);
    });
    // Looked at in its turn.
    running.catch(() => undefined);
    begun.set(next, running);
    return true;
  }

  return {
    outcomeOf: (each) => {
      while (!begun.has(each) || underWay < atOnce) if (!beginNext(each)) break;
      return begun.get(each) as Promise<void>;
    },
    stop: async () => {
      over = true;
      await Promise.allSettled(begun.values());
    },
  };
}
