/**
 * Works on things in their order, on a number of them at once. Resolves when all are done; after the first failure, with which it
 * rejects, nothing more is begun.
 */
export async function atOnce<Item>(
  most: number,
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const left = oneByOne(items);
  const workOn = async (): Promise<void> => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: most }, workOn));
}

/** Unlike an array's own iterator it ends for all when one of them ends it by a failure. */
function* oneByOne<Item>(items: readonly Item[]): Generator<Item> {
  yield* items;
}
