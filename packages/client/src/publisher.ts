import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { atExit } from './at-exit.js';
import type { Endpoint } from './call.js';
import type { CloudEvent } from './cloudevent.js';
import { HeadgateError } from './error.js';
import { completeOptions, type CompleteOptions, type PublisherOptions } from './publisher-options.js';
import { postLines, type PostAnswer } from './send.js';
import { WaitingEvents, type PublishedOutcome, type WaitingEvent } from './waiting-events.js';

/** An event for a {@link Publisher}: it may go without `source` where the publisher has one. */
export type EventToPublish = Omit<Partial<CloudEvent>, 'source' | 'type'> &
  Pick<CloudEvent, 'type'> & { readonly source?: string };

/** Publishes in the background. */
export interface Publisher {
  /**
   * Takes an event, and gives what becomes of it, which nobody has to wait for. Its `id` and `time`, where it has none, are
   * made now: however often it is sent, it is one event, of this time. The promise rejects with `REQUEST_FAILED` where the
   * server refuses the request or does not answer for as long as `retries` allows, and with `NOT_SENT` where time was up.
   * @throws HeadgateError at once, so that it is not overlooked: `QUEUE_FULL` (wait for `ready`), `PUBLISHER_CLOSED`, and
   *   `EVENT_INVALID` for what cannot be JSON
   */
  publish(event: EventToPublish): Promise<PublishedOutcome>;
  /** Resolves when there is room for an event; at once when the publisher is closed. */
  ready(): Promise<void>;
  /** Sends what waits without waiting for more; resolves when all that was published so far has an answer, or is lost. */
  flush(): Promise<void>;
  /**
   * Takes no more events, and sends what waits.
   * @param options.withinMs after this it gives up; default 10,000
   * @returns what it has given up on, with ids. Headgate may have some of it: published again, it is known by its ids.
   */
  close(options?: { readonly withinMs?: number }): Promise<readonly CloudEvent[]>;
  /** How many events have no answer. */
  readonly pending: number;
}

const CLOSE_WITHIN_MS = 10_000;

/**
 * Starts to publish in the background; a process without anything else to do ends once all is sent.
 * @throws HeadgateError `OPTION_INVALID`
 */
export function createPublisher(endpoint: Endpoint, options: PublisherOptions = {}): Publisher {
  return new BackgroundPublisher(patient(endpoint), completeOptions(options));
}

/** The service that gives tokens may be away, as Headgate may. */
function patient(endpoint: Endpoint): Endpoint {
  const token = async (refused?: string): Promise<string> => {
    try {
      return await endpoint.token(refused);
    } catch (cause) {
      const message = `There is no token: ${cause instanceof Error ? cause.message : String(cause)}`;
      throw new HeadgateError('REQUEST_FAILED', message, { retryable: true, cause });
    }
  };
  return { ...endpoint, token };
}

/** Sends batches of {@link WaitingEvents} when they are due. Its timers keep no process alive: see {@link atExit}. */
class BackgroundPublisher implements Publisher {
  private readonly events: WaitingEvents;
  private readonly requests = new Set<AbortController>();
  private readonly leave: () => void;
  private timer?: NodeJS.Timeout;
  private closed = false;

  constructor(
    private readonly endpoint: Endpoint,
    private readonly options: CompleteOptions,
  ) {
    this.events = new WaitingEvents(options);
    this.leave = atExit(() => void this.drain(options.exitWithinMs));
  }

  get pending(): number {
    return this.events.size;
  }

  publish(event: EventToPublish): Promise<PublishedOutcome> {
    if (this.closed) throw new HeadgateError('PUBLISHER_CLOSED', 'The publisher is closed.');
    const { outcome } = this.events.add(lineOf(event, this.options.source));
    this.sendDue();
    return outcome;
  }

  async ready(): Promise<void> {
    if (!this.closed) await this.events.room();
  }

  async flush(): Promise<void> {
    this.events.hurry();
    this.sendDue();
    await this.events.settled();
  }

  async close({ withinMs = CLOSE_WITHIN_MS } = {}): Promise<readonly CloudEvent[]> {
    this.closed = true;
    this.events.release();
    try {
      return await this.drain(withinMs);
    } finally {
      this.leave();
    }
  }

  private async drain(withinMs: number): Promise<readonly CloudEvent[]> {
    if (this.pending === 0) return [];
    const done = new AbortController();
    const timeUp = delay(withinMs, true, { signal: done.signal }).catch(() => false);
    const isTimeUp = await Promise.race([timeUp, this.flush().then(() => false)]);
    done.abort();
    return isTimeUp ? this.giveUp(withinMs) : [];
  }

  private giveUp(withinMs: number): readonly CloudEvent[] {
    const events = this.events.abandon();
    const message = `There was no answer within ${withinMs} ms.`;
    this.lose(events, new HeadgateError('NOT_SENT', message, { retryable: true }));
    for (const request of this.requests) request.abort();
    return events.map(eventOf);
  }

  private sendDue(): void {
    const { concurrency } = this.options;
    while (this.requests.size < concurrency && this.events.dueInMs() === 0)
      void this.send(this.events.take());
    const waitMs = this.requests.size < concurrency ? this.events.dueInMs() : Infinity;
    // The next that comes is later, and the end of a request comes by here as well.
    if (waitMs < Infinity) this.timer ??= setTimeout(() => this.onTimer(), waitMs).unref();
  }

  private onTimer(): void {
    this.timer = undefined;
    this.sendDue();
  }

  private async send(batch: readonly WaitingEvent[]): Promise<void> {
    const request = new AbortController();
    this.requests.add(request);
    await this.post(batch, request.signal);
    this.requests.delete(request);
    this.sendDue();
  }

  private async post(batch: readonly WaitingEvent[], signal: AbortSignal): Promise<void> {
    const { stream, retries, attemptMs } = this.options;
    const options = { ...this.endpoint, stream, signal, retries, attemptMs, unref: true };
    const lines = batch.map(({ line }) => line);
    const answer = await postLines(options, lines).catch((error: unknown) => error as Error);
    if (!(answer instanceof Error)) return this.settle(batch, answer);
    if (!isTooLarge(answer) || batch.length === 1) return this.lose(batch, answer);
    const middle = Math.ceil(batch.length / 2);
    await this.post(batch.slice(0, middle), signal);
    await this.post(batch.slice(middle), signal);
  }

  private settle(batch: readonly WaitingEvent[], { results }: PostAnswer): void {
    for (const { index, ...outcome } of results) {
      const event = batch[index];
      if (event === undefined || !this.events.remove(event)) continue;
      event.resolve(outcome);
      if (outcome.status === 'rejected') this.tell(() => this.options.onRejected(outcome, eventOf(event)));
    }
    this.lose(batch, new HeadgateError('REQUEST_FAILED', 'The answer does not say what has become of them.'));
  }

  /** Those that have their outcome, or were lost before, are left alone. */
  private lose(batch: readonly WaitingEvent[], error: Error): void {
    const lost = batch.filter((event) => this.events.remove(event));
    if (lost.length === 0) return;
    for (const event of lost) event.reject(error);
    this.tell(() => this.options.onLost(error, lost.map(eventOf)));
  }

  /** What a callback throws is its owner's, and disturbs nothing here. */
  private tell(callback: () => void): void {
    queueMicrotask(callback);
  }
}

function lineOf(event: EventToPublish, source?: string): string {
  const { id = randomUUID(), time = new Date().toISOString() } = event;
  try {
    return JSON.stringify({ ...event, specversion: '1.0', id, source: event.source ?? source, time });
  } catch (cause) {
    throw new HeadgateError('EVENT_INVALID', `The event ${id} cannot be JSON.`, { cause });
  }
}

function eventOf({ line }: WaitingEvent): CloudEvent {
  return JSON.parse(line) as CloudEvent;
}

function isTooLarge(error: Error): boolean {
  return error instanceof HeadgateError && error.details?.status === 413;
}
