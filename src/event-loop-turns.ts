/** What {@link Turns} goes by. */
export interface TurnsOptions {
  /** Milliseconds of a turn of the event loop that one tenant may have: 4. */
  readonly shareMs?: number;
  /** Milliseconds, from any start; default `performance.now`. */
  readonly clock?: () => number;
}

/** Work in a turn; it looks at {@link Turn.isOver} between two steps, and leaves the rest for a later one. */
export interface Turn {
  /** The tenant has had its share. */
  readonly isOver: boolean;
}

/** Work that yields after each of its steps: there it may be left for a later turn. */
export type Steps<T> = Generator<undefined, T, undefined>;

const SHARE_MS = 4;
/** All tenants together may have so many shares of a turn; beyond it only those work at once that need little. */
const CROWDED_SHARES = 2;
/**
 * While connections come, a share is so short, and what waits is worked on in one of so many turns:
 * libuv accepts one connection in a turn, and those behind it wait for the next.
 */
const HURRIED_MS = 1;
const HURRIED_TURNS = 8;
/** A tenant that has used less than this, in this turn and the one before, needs little. */
const LITTLE_MS = 2;

/** Takes all steps, one after the other: where nobody else is served, as in a command. */
export function allAtOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/**
 * Shares the event loop's turns between tenants, so that work of seconds holds up another tenant's request by
 * milliseconds: a tenant works at once while it has some of its share of the turn left, else in one of the next
 * turns, where those that wait have a share together, one after another. When many tenants have work at once, those
 * that need little go on working at once, and the others wait. What is read from the network meanwhile is looked at
 * between two turns.
 */
export class Turns {
  private readonly shareMs: number;
  private readonly clock: () => number;
  /** Milliseconds that tenants have worked in this turn. */
  private used = new Map<string, number>();
  /** The same of the turn before. */
  private usedBefore = new Map<string, number>();
  /** All of {@link Turns.used} together. */
  private usedByAll = 0;
  /** What waits, by tenant; the tenant that is next comes first. */
  private readonly waiting = new Map<string, (() => void)[]>();
  private next: NodeJS.Immediate | undefined;
  private hurried = false;
  /** Turns in a row that were left to connections. */
  private left = 0;

  constructor({ shareMs = SHARE_MS, clock = () => performance.now() }: TurnsOptions = {}) {
    this.shareMs = shareMs;
    this.clock = clock;
  }

  /**
   * Keeps this turn short: to be called at each new connection. A client that connects waits for as
   * many turns as there are connections before its own.
   */
  hurry(): void {
    this.hurried = true;
    this.schedule();
  }

  /** Works at once if the tenant may, else in one of the next turns. */
  run<T>(tenant: string, work: () => T): T | Promise<Awaited<T>> {
    return this.mayAtOnce(tenant) ? this.now(tenant, work) : this.later(tenant, work);
  }

  /** Works in one of the next turns, after what the tenant has waiting already. */
  later<T>(tenant: string, work: () => T): Promise<Awaited<T>> {
    return new Promise<T>((resolve, reject) => {
      const one = (): void => {
        try {
          resolve(work());
        } catch (error) {
          reject(error as Error);
        }
      };
      const before = this.waiting.get(tenant);
      if (before === undefined) this.waiting.set(tenant, [one]);
      else before.push(one);
      this.schedule();
    }) as Promise<Awaited<T>>;
  }

  /** Works at once; what it takes counts as the tenant's. */
  now<T>(tenant: string, work: (turn: Turn) => T): T {
    const { clock } = this;
    const before = this.usedBy(tenant);
    const start = clock();
    const isOver = (): boolean => before + clock() - start >= this.share;
    const turn: Turn = {
      get isOver() {
        return isOver();
      },
    };
    try {
      return work(turn);
    } finally {
      const all = before + clock() - start;
      this.usedByAll += all - this.usedBy(tenant);
      this.used.set(tenant, all);
      this.schedule();
    }
  }

  /** Takes steps in as many turns as they need: at once while the tenant may, which is all of them where they are few. */
  async stepByStep<T>(tenant: string, steps: Steps<T>): Promise<T> {
    const some = (turn: Turn): IteratorResult<undefined, T> => {
      for (;;) {
        const taken = steps.next();
        if (taken.done === true || turn.isOver) return taken;
      }
    };
    for (;;) {
      const taken = await this.run(tenant, () => ({ result: this.now(tenant, some) }));
      if (taken.result.done === true) return taken.result.value;
    }
  }

  /** Milliseconds that a tenant may have of this turn. */
  private get share(): number {
    return this.hurried ? Math.min(HURRIED_MS, this.shareMs) : this.shareMs;
  }

  private mayAtOnce(tenant: string): boolean {
    if (this.waiting.has(tenant)) return false;
    const used = this.usedBy(tenant);
    if (used >= this.share) return false;
    return (
      this.usedByAll < CROWDED_SHARES * this.share || used + (this.usedBefore.get(tenant) ?? 0) < LITTLE_MS
    );
  }

  private usedBy(tenant: string): number {
    return this.used.get(tenant) ?? 0;
  }

  private schedule(): void {
    this.next ??= setImmediate(() => {
      this.next = undefined;
      [this.used, this.usedBefore] = [this.usedBefore, this.used];
      this.used.clear();
      this.usedByAll = 0;
      if (this.mayLeave()) this.left++;
      else this.workOff();
      this.hurried = false;
      if (this.waiting.size > 0) this.schedule();
    });
  }

  private mayLeave(): boolean {
    return this.hurried && this.left < HURRIED_TURNS - 1;
  }

  /** One piece of each tenant in turn, for one share in all. */
  private workOff(): void {
    const start = this.clock();
    this.left = 0;
    for (const [tenant, [first, ...others]] of this.waiting) {
      this.waiting.delete(tenant);
      if (others.length > 0) this.waiting.set(tenant, others);
      if (first !== undefined) this.now(tenant, first);
      if (this.clock() - start >= this.share) break;
    }
  }
}
