/** Who asks for events. */
export interface Consumer {
  /** Aborted when nothing is to be handed to it any more. */
  readonly gone: AbortSignal;
  /** Run right before events are handed out; where it rejects, they are taken back. */
  readonly check?: () => Promise<void>;
}

/** A consumer that waits for events. */
interface Waiter<T> {
  readonly max: number;
  readonly settle: (taken: T[]) => void;
}

/** Consumers in the order they came: the first is served first. */
export class Waiters<T> {
  private readonly waiting = new Set<Waiter<T>>();

  get count(): number {
    return this.waiting.size;
  }

  /** Waits for a turn; an empty list when none has come within `waitMs`, or the consumer has gone. */
  wait(max: number, waitMs: number, gone: AbortSignal): Promise<T[]> {
    return new Promise((resolve) => {
      const settle = (taken: T[]): void => {
        this.waiting.delete(waiter);
        clearTimeout(timer);
        gone.removeEventListener('abort', leave);
        resolve(taken);
      };
      const waiter: Waiter<T> = { max, settle };
      const leave = (): void => settle([]);
      const timer = setTimeout(leave, waitMs);
      if (gone.aborted) return leave();
      gone.addEventListener('abort', leave);
      this.waiting.add(waiter);
    });
  }

  /** Gives each its turn, until `take` has nothing more. */
  serve(take: (max: number) => T[]): void {
    for (const waiter of this.waiting) {
      const taken = take(waiter.max);
      if (taken.length === 0) return;
      waiter.settle(taken);
    }
  }

  /** Sends all away with nothing. */
  dismiss(): void {
    for (const waiter of this.waiting) waiter.settle([]);
  }
}
