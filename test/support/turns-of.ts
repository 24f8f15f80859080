/** How many turns the event loop takes until it is done, and what it comes to. */
export async function turnsOf<T>(work: Promise<T>): Promise<{ turns: number; result: T }> {
  let turns = 0;
  let ended = false;
  const count = (): void => {
    turns++;
    if (!ended) setImmediate(count);
  };
  setImmediate(count);
  const result = await work.finally(() => (ended = true));
  return { turns, result };
}
