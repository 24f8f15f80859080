import { setTimeout as delay } from 'node:timers/promises';
import { HeadgateError } from './error.js';
import { call, type Endpoint } from './call.js';
import type { CloudEvent } from './cloudevent.js';
import { leaseLost, Leases, type Leased } from './leases.js';

/** What a handler is told beside the event. */
export interface Delivery {
  /** How often the event has been handed out, this time counted. */
  readonly attempt: number;
}

/**
 * Handles one event. It is acknowledged when this resolves, and given back when it throws; it may come again in either
 * case.
 */
export type Handler = (event: CloudEvent, delivery: Delivery) => Promise<void> | void;

/** How to consume. */
export interface ConsumeOptions {
  /** Events asked for at a time, 1 to 1,000. Default 100. */
  readonly maxMessages?: number;
  /** Handlers at once. Default 10. */
  readonly concurrency?: number;
  /** Events held at once, handled or waiting for a handler: no more are asked for. Default `maxMessages`. */
  readonly maxInFlight?: number;
  /** How long a call waits for events, 0 to 30,000. Default 10,000. */
  readonly waitMs?: number;
  /** While a handler runs, its event is kept for this long at a time, 10 to 600. Default 60. */
  readonly ackDeadlineSeconds?: number;
  /**
   * Called with what a handler has thrown, with its event, and what has gone wrong on the way: `LEASE_LOST` with the event
   * where a lease has ended too soon, as when the process was held up. Default: nobody is told.
   */
  readonly onError?: (error: unknown, event?: CloudEvent) => void;
}

/** A consumer at work. */
export interface Consumer {
  /** Resolves when it has been stopped; rejects when it cannot go on: its token, or its subscription, is refused. */
  readonly ended: Promise<void>;
  /** Takes no more events, gives back those no handler has begun, waits for the handlers, and acknowledges. */
  stop(): Promise<void>;
}

/** A message as the server hands it out. */
export interface Message extends Leased {
  readonly attempt: number;
}

/** Rest after a call that failed, growing with each; milliseconds. */
const REST = { first: 250, most: 8_000 };

/**
 * Starts to pull from a subscription.
 * @param now milliseconds of a clock that only goes forward
 */
export function consume(
  endpoint: Endpoint,
  subscription: string,
  handler: Handler,
  options: ConsumeOptions = {},
  now: () => number = () => performance.now(),
): Consumer {
  const consumer = new PullConsumer(endpoint, subscription, handler, options, now);
  const ended = consumer.run();
  // It may be looked at late, or by `stop` alone.
  ended.catch(() => undefined);
  return {
    ended,
    stop: () => {
      consumer.leave();
      return ended;
    },
  };
}

/** Pulls while there is room, and runs handlers; what becomes of leases is {@link Leases}'. */
class PullConsumer {
  private readonly leases: Leases;
  private readonly waiting: Message[] = [];
  private readonly leaving = new AbortController();
  private running = 0;
  private onRoom: () => void = () => undefined;
  private readonly path: string;
  private readonly maxMessages: number;
  private readonly maxInFlight: number;

  constructor(
    private readonly endpoint: Endpoint,
    subscription: string,
    private readonly handler: Handler,
    private readonly options: ConsumeOptions,
    now: () => number,
  ) {
    this.path = `/v1/subscriptions/${encodeURIComponent(subscription)}`;
    this.maxMessages = options.maxMessages ?? 100;
    this.maxInFlight = options.maxInFlight ?? this.maxMessages;
    const { ackDeadlineSeconds = 60, onError } = options;
    this.leases = new Leases({ endpoint, path: this.path, ackDeadlineSeconds, onError, now });
  }

  leave(): void {
    this.leaving.abort();
    this.onRoom();
  }

  async run(): Promise<void> {
    try {
      await this.pullWhileWanted();
    } finally {
      for (const message of this.waiting.splice(0)) this.leases.nack(message);
      while (this.running > 0) await this.room();
      await this.leases.close();
    }
  }

  private async pullWhileWanted(): Promise<void> {
    let rest = REST.first;
    while (!this.leaving.signal.aborted) {
      const free = this.maxInFlight - this.running - this.waiting.length;
      if (free <= 0) {
        await this.room();
        continue;
      }
      try {
        this.take(await this.pull(Math.min(free, this.maxMessages)));
        rest = REST.first;
      } catch (error) {
        if (this.leaving.signal.aborted) return;
        if (!(error instanceof HeadgateError) || !error.retryable) throw error;
        this.options.onError?.(error);
        await this.pause(Math.max(rest, (error.retryAfterSeconds ?? 0) * 1000));
        rest = Math.min(rest * 2, REST.most);
      }
    }
  }

  private async pull(maxMessages: number): Promise<Message[]> {
    const body = JSON.stringify({ maxMessages, waitMs: this.options.waitMs ?? 10_000 });
    const read = (status: number, answer: unknown): Message[] | undefined =>
      status === 200 ? (answer as { messages?: Message[] } | undefined)?.messages : undefined;
    const { signal } = this.leaving;
    return call(this.endpoint, { path: `${this.path}/pull`, body, signal, read });
  }

  private take(messages: readonly Message[]): void {
    for (const message of messages) this.leases.hold(message);
    this.waiting.push(...messages);
    this.begin();
  }

  private begin(): void {
    const concurrency = this.options.concurrency ?? 10;
    while (this.running < concurrency && this.waiting.length > 0 && !this.leaving.signal.aborted) {
      this.running++;
      void this.handle(this.waiting.shift()!);
    }
  }

  private async handle(message: Message): Promise<void> {
    const { attempt, event } = message;
    try {
      // It may be another consumer's by now.
      if (!this.leases.isSure(message) && !(await this.leases.renew(message)))
        throw leaseLost('was not begun: its lease may have ended while this process was held up');
      await this.handler(event, { attempt });
      this.leases.ack(message);
    } catch (error) {
      this.leases.nack(message);
      this.options.onError?.(error, event);
    } finally {
      this.running--;
      this.begin();
      this.onRoom();
    }
  }

  /** Resolves when a handler has ended, or the consumer is to leave. */
  private room(): Promise<void> {
    return new Promise((resolve) => (this.onRoom = resolve));
  }

  private async pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.leaving.signal }).catch(() => undefined);
  }
}
