import { setTimeout as delay } from 'node:timers/promises';
import type { InputStream } from '../events/event.js';
import { partitionKey } from './partition.js';
import type { Chunk } from '../events/chunk.js';

/** Acknowledged events that are in no batch that Temporal has. */
export interface Unbatched {
  /** Events; of a chunk that is only in part of the range, all. */
  readonly events: number;
  /** Receipt of the oldest, milliseconds since the epoch; absent where there are none. */
  readonly oldestAt?: number;
}

/** Which events are waited for. */
export interface BatchedUpTo {
  readonly tenant: string;
  readonly streams: readonly InputStream[];
  /** Receipt, milliseconds since the epoch, from which on events do not matter. */
  readonly until: number;
}

/** What {@link Batched} needs. */
export interface BatchedOptions {
  /** What Temporal does not have yet of a tenant's stream, in order of receipt. */
  readonly unsent: (tenant: string, stream: InputStream) => Iterable<Chunk>;
  /** Waits until what has come so far of a tenant is told by `unsent`, or refused. */
  readonly settledOf: (tenant: string) => Promise<void>;
  readonly now?: () => number;
}

/** A stream that is waited for. */
interface Mark {
  readonly stream: InputStream;
  /** The last chunk that may hold such events. */
  readonly lastSeq: number;
}

/**
 * Of a chunk it is known when it got its place in the spool, which may be later than the receipt of its events, and a clock
 * may be set back between two of them: after that long a chunk holds nothing that was received before.
 */
const GRACE_MS = 10 * 60 * 1000;

/** Events up to some moment, on their way into batches. */
export class Batching {
  private readonly ended = new Set<() => void>();

  constructor(
    private readonly options: Pick<BatchedOptions, 'unsent'>,
    private readonly upTo: BatchedUpTo,
    private readonly marks: readonly Mark[],
  ) {}

  /** What is not in a batch yet that Temporal has. */
  left(): Unbatched {
    let events = 0;
    let oldestAt: number | undefined;
    for (const mark of this.marks) {
      for (const chunk of this.options.unsent(this.upTo.tenant, mark.stream)) {
        if (!this.matters(mark, chunk)) break;
        events += chunk.events;
        oldestAt = Math.min(oldestAt ?? Infinity, chunk.receivedAt);
      }
    }
    return { events, ...(oldestAt !== undefined && { oldestAt }) };
  }

  /** Resolves when nothing is left; rejects with the signal's reason. */
  whenDone(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        this.ended.delete(end);
        signal.removeEventListener('abort', stop);
        resolve();
      };
      const stop = (): void => {
        this.ended.delete(end);
        reject(signal.reason as Error);
      };
      if (signal.aborted) return stop();
      if (this.isDone()) return resolve();
      this.ended.add(end);
      signal.addEventListener('abort', stop, { once: true });
    });
  }

  /** Temporal has more. */
  look(): void {
    if (this.ended.size > 0 && this.isDone()) for (const end of this.ended) end();
  }

  private isDone(): boolean {
    return this.marks.every((mark) => {
      // What a partition has not sent goes in order: where the first does not matter, none does.
      for (const first of this.options.unsent(this.upTo.tenant, mark.stream))
        return !this.matters(mark, first);
      return true;
    });
  }

  private matters({ lastSeq }: Mark, { seq, receivedAt }: Chunk): boolean {
    return seq <= lastSeq && receivedAt < this.upTo.until + GRACE_MS;
  }
}

/**
 * Tells when what a tenant has sent up to a moment is in batches: their files are there, and Temporal has them. It is notified
 * of each hand-over, and looks at nothing in between.
 */
export class Batched {
  private readonly under = new Map<string, Set<Batching>>();

  constructor(private readonly options: BatchedOptions) {}

  /** Temporal has these chunks, of one partition. To be called when `unsent` does not report them any more. */
  handedOver([first]: readonly Chunk[]): void {
    if (first === undefined) return;
    for (const batching of this.under.get(partitionKey(first.tenant, first.stream)) ?? []) batching.look();
  }

  /** Finds out what there is to wait for, and runs `wait` on it. */
  async watch<T>(
    upTo: BatchedUpTo,
    signal: AbortSignal,
    wait: (batching: Batching) => Promise<T>,
  ): Promise<T> {
    const { now = Date.now } = this.options;
    // Asked for by the clock of another node: until then more may come.
    const early = upTo.until - now();
    if (early > 0) await delay(early, undefined, { signal });
    await this.options.settledOf(upTo.tenant);
    const marks = upTo.streams.map((stream) => ({ stream, lastSeq: this.lastOf(upTo.tenant, stream) }));
    const batching = new Batching(this.options, upTo, marks);
    const partitions = upTo.streams.map((stream) => partitionKey(upTo.tenant, stream));
    for (const partition of partitions)
      this.under.set(partition, (this.under.get(partition) ?? new Set()).add(batching));
    try {
      return await wait(batching);
    } finally {
      for (const partition of partitions) this.forget(partition, batching);
    }
  }

  private lastOf(tenant: string, stream: InputStream): number {
    let last = 0;
    for (const { seq } of this.options.unsent(tenant, stream)) last = seq;
    return last;
  }

  private forget(partition: string, batching: Batching): void {
    const own = this.under.get(partition);
    own?.delete(batching);
    if (own?.size === 0) this.under.delete(partition);
  }
}
