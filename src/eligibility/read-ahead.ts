import type { StateStore, SubjectName, SubjectRecord } from '../stores/state/state-store.js';

/** Subjects in one read; some 3 MB. */
const AT_ONCE = 2_000;
/** Reads under way at once: what is asked for meanwhile goes with the next. */
const READS = 2;

/**
 * A subject that requests wait for. States: asked for (`reading` settles when it is read, or cannot be) → read (`record`, or
 * undefined for a subject nobody has heard of). Kept for as long as a request has it, however memory is short.
 */
export interface Pin extends SubjectName {
  readonly key: string;
  /** Requests that have it. */
  held: number;
  reading?: Promise<void>;
  record?: SubjectRecord;
}

/** Subjects that are read together. */
interface Batch {
  readonly pins: Pin[];
  readonly done: Promise<void>;
  settle(error?: unknown): void;
}

/**
 * Reads subjects before the turn in which a request is decided on, from a store that takes a round trip. What requests ask
 * for while reads are under way goes together in the next.
 *
 * No subject is read that memory has, and none twice at once: between the asking and the answer nobody can change a
 * subject, since to change it takes having it. So what is read is never older than what was in memory before.
 */
export class ReadAhead {
  private readonly pins = new Map<string, Pin>();
  /** What is to be read next, first in first out; the last takes more. */
  private readonly queue: Batch[] = [];
  private underWay = 0;

  constructor(private readonly store: Pick<StateStore, 'subjects'>) {}

  /** A subject that has been read, or was in memory when it was asked for. */
  read(key: string): Pin | undefined {
    const pin = this.pins.get(key);
    return pin?.reading === undefined ? pin : undefined;
  }

  /**
   * Holds a subject until {@link ReadAhead.release}, and begins to read it unless that has been done.
   * @param record what memory has of it
   */
  hold(key: string, { tenant, subject }: SubjectName, record: SubjectRecord | undefined): Pin {
    let pin = this.pins.get(key);
    if (pin === undefined) {
      pin = { key, tenant, subject, held: 0, record };
      this.pins.set(key, pin);
      if (record === undefined) this.ask(pin);
    }
    pin.held++;
    return pin;
  }

  /** Says what a subject that requests wait for has become. */
  found(key: string, record: SubjectRecord): void {
    const pin = this.pins.get(key);
    if (pin !== undefined) pin.record = record;
  }

  /** Gives up what {@link ReadAhead.hold} has given. */
  release(pins: Iterable<Pin>): void {
    for (const pin of pins) if (--pin.held === 0) this.forget(pin);
  }

  /** Forgets what has been read, also where it is held: it may have been changed. What is being read has not been. */
  reset(): void {
    for (const pin of this.pins.values()) if (pin.reading === undefined) this.pins.delete(pin.key);
  }

  private forget(pin: Pin): void {
    if (this.pins.get(pin.key) === pin) this.pins.delete(pin.key);
  }

  private ask(pin: Pin): void {
    let batch = this.queue.at(-1);
    if (batch === undefined || batch.pins.length >= AT_ONCE) this.queue.push((batch = newBatch()));
    batch.pins.push(pin);
    pin.reading = batch.done;
    // Not at once: what else this request asks for belongs to it.
    queueMicrotask(() => this.begin());
  }

  private begin(): void {
    if (this.underWay >= READS) return;
    const batch = this.queue.shift();
    if (batch === undefined) return;
    this.underWay++;
    void this.fetch(batch).finally(() => {
      this.underWay--;
      this.begin();
    });
  }

  private async fetch({ pins, settle }: Batch): Promise<void> {
    try {
      const records = await this.store.subjects(pins);
      for (const [index, pin] of pins.entries()) {
        pin.record = records[index];
        pin.reading = undefined;
      }
      settle();
    } catch (error) {
      for (const pin of pins) this.forget(pin);
      settle(error);
    }
  }
}

function newBatch(): Batch {
  let settle: Batch['settle'] = () => undefined;
  const done = new Promise<void>((resolve, reject) => {
    settle = (error) => (error === undefined ? resolve() : reject(error as Error));
  });
  // Those who wait hear of it; there may be none left.
  done.catch(() => undefined);
  return { pins: [], done, settle };
}
