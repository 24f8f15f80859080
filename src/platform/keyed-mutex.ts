/** Runs `work` after all earlier work under the same key has ended, well or badly. */
export type InTurn = <T>(key: string, work: () => Promise<T>) => Promise<T>;

/** One queue per key, within this process; a key with nothing to do takes no memory. */
export function createTurns(): InTurn {
  const tails = new Map<string, Promise<void>>();

  return async (key, work) => {
    const turn = (tails.get(key) ?? Promise.resolve()).then(work);
    const tail = turn.then(
      () => undefined,
      () => undefined,
    );
    tails.set(key, tail);
    try {
      return await turn;
    } finally {
      if (tails.get(key) === tail) tails.delete(key);
    }
  };
}
