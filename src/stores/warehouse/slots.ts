/** Runs `work` once one of a fixed number of slots is free, first come first served. */
export type InSlot = <T>(work: () => Promise<T>) => Promise<T>;

/** At most `max` pieces of work at a time. */
export function createSlots(max: number): InSlot {
  const waiting: (() => void)[] = [];
  let taken = 0;

  return async (work) => {
    if (taken < max) taken += 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      // A waiter takes the slot over as it is: between release and wake-up nobody else can slip in.
      const next = waiting.shift();
      if (next) next();
      else taken -= 1;
    }
  };
}
