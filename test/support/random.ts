/** A seed that has not been used before, or the one given by `HEADGATE_TEST_SEED`; printed, to run a failure again. */
export function printedSeed(of: string): number {
  const given = process.env.HEADGATE_TEST_SEED;
  const seed = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
  console.log(`      seed of ${of}: HEADGATE_TEST_SEED=${seed}`);
  return seed;
}

/** Random numbers that are the same for the same seed, so that a run can be made again as it was. */
export class Random {
  constructor(private state: number) {}

  /** From 0 up to, not including, 1. Mulberry32. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** From `low` up to `high`. */
  between(low: number, high: number): number {
    return low + this.next() * (high - low);
  }

  oneOf<T>(all: readonly T[]): T {
    return all[Math.floor(this.next() * all.length)] as T;
  }
}
