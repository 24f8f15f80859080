/** What {@link Turns} goes by. */
export interface TurnsOptions {
  /** Milliseconds of a turn of the event loop that one tenant may have: 10. */
  readonly shareMs?: number;
  /** Milliseconds, from any start; default `performance.now`. */
  readonly clock?: () => number;
  /** Called at the end of a turn with the milliseconds that each tenant has worked in it. */
  readonly onUsed?: (tenant: string, ms: number) => void;
}

/** Work in a turn; it looks at {@link Turn.isOver} between two steps, and leaves the rest for a later one. */
export interface Turn {
  /** The tenant has had its share. */
  readonly isOver: boolean;
}

/** Work that yields after each of its steps: there it may be left for a later turn. */
export type Steps<T> = Generator<undefined, T, undefined>;

const SHARE_MS = 10;
/**
 * In shares: what all tenants together may work at once in a turn. Beyond it only those do that need
 * little. The more a turn takes of requests, the fewer flushes of the disk they need.
 */
const ALL_SHARES = 5;
/** In shares: of what waits and has not begun, this much in a turn. */
const FIRST_SHARES = 2.5;
/** In shares: of what has begun and goes on, this much. It may go on for seconds, and requests need several turns. */
const REST_SHARES = 0.4;
/** A tenant that has used less than this, in this turn and the one before, needs little. */
const LITTLE_MS = 2;
/**
 * While connections come, only those work at once that need little, and what waits has this part of
 * one turn of eight: libuv accepts one connection in a turn, and those behind it wait for the next.
 */
const HURRIED_PART = 0.2;
const HURRIED_TURNS = 8;

/** Takes all steps, one after the other: where nobody else is served, as in a command. */
export function allAtOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** A piece of work: whose it is, and since when, by the clock of {@link Turns}. */
interface Piece {
  readonly tenant: string;
  readonly start: number;
}

/** Work that waits, in order; taking the first costs the same however many there are. */
class Line {
  private first: Place | undefined;
  private last: Place | undefined;

  add(work: () => void): this {
    const place: Place = { work };
    if (this.last === undefined) this.first = place;
    else this.last.next = place;
    this.last = place;
    return this;
  }

  take(): (() => void) | undefined {
    const taken = this.first;
    this.first = taken?.next;
    if (this.first === undefined) this.last = undefined;
    return taken?.work;
  }

  get isEmpty(): boolean {
    return this.first === undefined;
  }
}

interface Place {
  readonly work: () => void;
  next?: Place;
}

/** What waits, by tenant; the tenant that is next comes first. */
type Waiting = Map<string, Line>;

/**
 * Shares the event loop's turns between tenants, so that work of seconds holds up another tenant's request by
 * milliseconds. A tenant works at once while it has some of its share of the turn left. What it begins beyond that
 * waits for one of the next turns, and what takes longer than a share goes on in them, a little in each: all tenants
 * have that together, one after another. When many tenants have work at once, those that need little go on working
 * at once. What is read from the network meanwhile is looked at between two turns.
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
  /** What has not begun. */
  private readonly first: Waiting = new Map();
  /** What goes on, and of the same tenants what has not begun. */
  private readonly rest: Waiting = new Map();
  private next: NodeJS.Immediate | undefined;
  /** A piece of the rest is being worked on. */
  private goingOn = false;
  /** The piece that is being worked on. */
  private piece: Piece | undefined;
  private hurried = false;
  /** Turns in a row that were left to connections. */
  private left = 0;

  private readonly onUsed: TurnsOptions['onUsed'];

  constructor({ shareMs = SHARE_MS, clock = () => performance.now(), onUsed }: TurnsOptions = {}) {
    this.shareMs = shareMs;
    this.clock = clock;
    this.onUsed = onUsed;
  }

  /**
   * Keeps this turn short: to be called at each new connection. A client that connects waits for as
   * many turns as there are connections before its own.
   */
  hurry(): void {
    this.hurried = true;
    this.schedule();
  }

  /** Works at once if the tenant may, or if this is a part of a piece of its work, else in one of the next turns. */
  run<T>(tenant: string, work: () => T): T | Promise<Awaited<T>> {
    if (this.partOf(tenant) !== undefined || this.mayAtOnce(tenant)) return this.now(tenant, work);
    return this.wait(this.rest.has(tenant) ? this.rest : this.first, tenant, work);
  }

  /** Goes on with work in one of the next turns, after what the tenant has waiting already. */
  later<T>(tenant: string, work: () => T): Promise<Awaited<T>> {
    return this.wait(this.rest, tenant, work);
  }

  /** Works at once; what it takes counts as the tenant's. */
  now<T>(tenant: string, work: (turn: Turn) => T): T {
    const { clock, piece: outer } = this;
    const whole = this.partOf(tenant);
    const before = this.usedBy(tenant);
    // A share of its own: a request that is cut in two costs more than one that takes a little longer.
    const start = whole?.start ?? clock();
    if (whole === undefined) this.piece = { tenant, start };
    const isOver = (): boolean => clock() - start >= this.pieceMs;
    const turn: Turn = {
      get isOver() {
        return isOver();
      },
    };
    try {
      return work(turn);
    } finally {
      this.piece = outer;
      if (whole === undefined) this.count(tenant, before + clock() - start);
    }
  }

  /**
   * Takes steps in as many turns as they need, a little in each: nobody waits for an answer. At once
   * while the tenant has worked little in this turn, which is all of them where they are few.
   */
  async stepByStep<T>(tenant: string, steps: Steps<T>): Promise<T> {
    const some = (turn: Turn): IteratorResult<undefined, T> => {
      for (;;) {
        const taken = steps.next();
        if (taken.done === true || turn.isOver) return taken;
      }
    };
    const piece = () => ({ result: this.goOn(() => this.now(tenant, some)) });
    const mayBegin = this.mayAtOnce(tenant) && this.usedBy(tenant) < REST_SHARES * this.shareMs;
    let taken = mayBegin ? piece() : await this.later(tenant, piece);
    while (taken.result.done !== true) taken = await this.later(tenant, piece);
    return taken.result.value;
  }

  private goOn<T>(work: () => T): T {
    const before = this.goingOn;
    this.goingOn = true;
    try {
      return work();
    } finally {
      this.goingOn = before;
    }
  }

  /** The piece that work of the tenant is a part of now. */
  private partOf(tenant: string): Piece | undefined {
    return this.piece?.tenant === tenant ? this.piece : undefined;
  }

  /** Milliseconds that a piece of work may take. */
  private get pieceMs(): number {
    return this.goingOn ? REST_SHARES * this.shareMs : this.shareMs;
  }

  private mayAtOnce(tenant: string): boolean {
    if (this.first.has(tenant) || this.rest.has(tenant)) return false;
    const used = this.usedBy(tenant);
    if (used >= this.shareMs) return false;
    const isCrowded = this.hurried || this.usedByAll >= ALL_SHARES * this.shareMs;
    return !isCrowded || used + (this.usedBefore.get(tenant) ?? 0) < LITTLE_MS;
  }

  private count(tenant: string, ms: number): void {
    this.usedByAll += ms - this.usedBy(tenant);
    this.used.set(tenant, ms);
    this.schedule();
  }

  private usedBy(tenant: string): number {
    return this.used.get(tenant) ?? 0;
  }

  private wait<T>(waiting: Waiting, tenant: string, work: () => T): Promise<Awaited<T>> {
    return new Promise<T>((resolve, reject) => {
      const one = (): void => {
        try {
          resolve(work());
        } catch (error) {
          reject(error as Error);
        }
      };
      const line = waiting.get(tenant);
      if (line === undefined) waiting.set(tenant, new Line().add(one));
      else line.add(one);
      this.schedule();
    }) as Promise<Awaited<T>>;
  }

  private schedule(): void {
    this.next ??= setImmediate(() => {
      this.next = undefined;
      [this.used, this.usedBefore] = [this.usedBefore, this.used];
      this.used.clear();
      this.usedByAll = 0;
      if (this.onUsed !== undefined) for (const [tenant, ms] of this.usedBefore) this.onUsed(tenant, ms);
      if (this.hurried && this.left < HURRIED_TURNS - 1) this.left++;
      else this.workOff();
      this.hurried = false;
      if (this.first.size > 0 || this.rest.size > 0) this.schedule();
    });
  }

  private workOff(): void {
    this.left = 0;
    const part = this.hurried ? HURRIED_PART : 1;
    this.workOn(this.first, part * FIRST_SHARES * this.shareMs);
    this.goOn(() => this.workOn(this.rest, part * REST_SHARES * this.shareMs));
  }

  /** One piece of each tenant in turn, for a number of milliseconds in all, and one piece at least. */
  private workOn(waiting: Waiting, ms: number): void {
    const start = this.clock();
    for (const [tenant, line] of waiting) {
      const one = line.take();
      waiting.delete(tenant);
      if (!line.isEmpty) waiting.set(tenant, line);
      if (one !== undefined) this.now(tenant, one);
      if (this.clock() - start >= ms) break;
    }
  }
}
