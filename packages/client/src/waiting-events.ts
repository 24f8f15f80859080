import { HeadgateError } from './error.js';
import type { EventOutcome } from './send.js';
import type { PublisherLimits } from './publisher-options.js';

/** What has become of a published event. */
export type PublishedOutcome = Omit<EventOutcome, 'index'>;

/** An event without an answer, as the line it is sent as: what its publisher does to the object later changes nothing. */
export interface WaitingEvent {
  readonly line: string;
  readonly bytes: number;
  /** When it does not wait for others any longer. */
  dueAt: number;
  readonly outcome: Promise<PublishedOutcome>;
  readonly resolve: (outcome: PublishedOutcome) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The events of a publisher that have no answer. They queue, are taken as a batch, and are here until they are resolved or
 * rejected: until then they take room.
 */
export class WaitingEvents {
  private queue: WaitingEvent[] = [];
  private queuedBytes = 0;
  private readonly unanswered = new Set<WaitingEvent>();
  private bytes = 0;
  private waitingForRoom: (() => void)[] = [];
  /** Those who have been told that there is room, in this turn of the event loop: it is kept for them as long. */
  private invited = 0;
  private turn?: NodeJS.Immediate;

  constructor(private readonly limits: PublisherLimits) {}

  get size(): number {
    return this.unanswered.size;
  }

  /** @throws HeadgateError `QUEUE_FULL` */
  add(line: string): WaitingEvent {
    if (this.invited > 0) this.invited -= 1;
    else if (this.isFull()) throw queueFull(this.size, this.bytes);
    const event = waitingEvent(line, performance.now() + this.limits.maxDelayMs);
    this.queue.push(event);
    this.unanswered.add(event);
    this.queuedBytes += event.bytes;
    this.bytes += event.bytes;
    return event;
  }

  /** Milliseconds until the next batch is to go: 0 where it is full, Infinity where there is none. */
  dueInMs(): number {
    const [first] = this.queue;
    if (first === undefined) return Infinity;
    const { maxBatchEvents, maxBatchBytes } = this.limits;
    if (this.queue.length >= maxBatchEvents || this.queuedBytes >= maxBatchBytes) return 0;
    return Math.max(first.dueAt - performance.now(), 0);
  }

  /** Takes the next batch off the queue; an event that is larger than a batch may be goes alone. */
  take(): WaitingEvent[] {
    const { maxBatchEvents, maxBatchBytes } = this.limits;
    let [count, bytes] = [0, 0];
    for (const event of this.queue) {
      if (count === maxBatchEvents || (count > 0 && bytes + event.bytes > maxBatchBytes)) break;
      count += 1;
      bytes += event.bytes;
    }
    this.queuedBytes -= bytes;
    return this.queue.splice(0, count);
  }

  /** What is here waits for no others. */
  hurry(): void {
    for (const event of this.queue) event.dueAt = -Infinity;
  }

  /** Removes an event; false where it has its answer, or is lost, already. */
  remove(event: WaitingEvent): boolean {
    if (!this.unanswered.delete(event)) return false;
    this.bytes -= event.bytes;
    this.letIn();
    return true;
  }

  /** All of them, the oldest first; those that queue are not sent any more. */
  abandon(): WaitingEvent[] {
    this.queue = [];
    this.queuedBytes = 0;
    return [...this.unanswered];
  }

  /** Resolves when those that are here now have their outcome, or are lost. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.unanswered].map(({ outcome }) => outcome));
  }

  /** Resolves when there is room for an event, which is kept for this turn of the event loop. */
  async room(): Promise<void> {
    if (this.isFull()) await new Promise<void>((resolve) => this.waitingForRoom.push(resolve));
    else this.invite();
  }

  /** Lets all on who wait for room. */
  release(): void {
    for (const resolve of this.waitingForRoom.splice(0)) resolve();
  }

  private isFull(): boolean {
    const { maxQueueEvents, maxQueueBytes } = this.limits;
    return this.size + this.invited >= maxQueueEvents || this.bytes >= maxQueueBytes;
  }

  private letIn(): void {
    while (this.waitingForRoom.length > 0 && !this.isFull()) this.invite(this.waitingForRoom.shift());
  }

  private invite(tell?: () => void): void {
    this.invited += 1;
    this.turn ??= setImmediate(() => {
      this.turn = undefined;
      this.invited = 0;
      this.letIn();
    });
    tell?.();
  }
}

function waitingEvent(line: string, dueAt: number): WaitingEvent {
  let settle: Pick<WaitingEvent, 'resolve' | 'reject'> | undefined;
  const outcome = new Promise<PublishedOutcome>((resolve, reject) => (settle = { resolve, reject }));
  // Nobody has to wait for it: who does not is told by `onLost`.
  outcome.catch(() => undefined);
  return { line, bytes: Buffer.byteLength(line) + 1, dueAt, outcome, ...settle! };
}

function queueFull(events: number, bytes: number): HeadgateError {
  const message = `${events} events (${bytes} bytes) wait for an answer already. Wait for ready() before the next.`;
  return new HeadgateError('QUEUE_FULL', message, { retryable: true });
}
