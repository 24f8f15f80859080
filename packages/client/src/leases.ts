import { call, persist, type Endpoint } from './call.js';

/** What {@link Leases} needs. */
export interface LeasesOptions {
  readonly endpoint: Endpoint;
  /** Path of the subscription. */
  readonly path: string;
  /** For how long a lease is kept at a time. */
  readonly ackDeadlineSeconds: number;
  readonly onError?: (error: unknown) => void;
}

/** Most ack ids of a call. */
const MAX_IDS = 1_000;
/** A subscription's deadline is 10 s at least; what is handled within half of it needs no call to be kept. */
const FIRST_EXTENSION_MS = 5_000;
const TICK_MS = 1_000;
/** About half a minute; then the deadline decides. */
const RETRIES = 8;

/**
 * The leases a consumer has: keeps them while handlers run, and ends them. One call of a kind is under way at a time; what
 * comes meanwhile goes with the next, so that the busier a consumer is, the fewer calls an event costs.
 */
export class Leases {
  /** When each is to be extended, by `performance.now()`. */
  private readonly held = new Map<string, number>();
  private readonly acks: IdQueue;
  private readonly nacks: IdQueue;
  private readonly ticking: NodeJS.Timeout;
  private extending = Promise.resolve();

  constructor(private readonly options: LeasesOptions) {
    this.acks = new IdQueue((ackIds) => this.send('ack', { ackIds }));
    this.nacks = new IdQueue((ackIds) => this.send('nack', { ackIds }));
    this.ticking = setInterval(() => this.extendDue(), TICK_MS);
  }

  hold(ackId: string): void {
    this.held.set(ackId, performance.now() + FIRST_EXTENSION_MS);
  }

  ack(ackId: string): void {
    this.held.delete(ackId);
    this.acks.add(ackId);
  }

  nack(ackId: string): void {
    this.held.delete(ackId);
    this.nacks.add(ackId);
  }

  /** Waits until the server has been told of all that has ended. */
  async close(): Promise<void> {
    clearInterval(this.ticking);
    await Promise.all([this.acks.empty(), this.nacks.empty(), this.extending]);
  }

  private extendDue(): void {
    const now = performance.now();
    const due = [...this.held].filter(([, at]) => at <= now).map(([ackId]) => ackId);
    const { ackDeadlineSeconds } = this.options;
    for (const ackId of due) this.held.set(ackId, now + (ackDeadlineSeconds * 1000) / 2);
    for (let at = 0; at < due.length; at += MAX_IDS) {
      const ackIds = due.slice(at, at + MAX_IDS);
      this.extending = this.extending.then(() =>
        this.send('modify-ack-deadline', { ackIds, ackDeadlineSeconds }),
      );
    }
  }

  /** Never throws: what cannot be told is settled by the deadline, and the event comes again. */
  private async send(name: string, body: object): Promise<void> {
    const { endpoint, path, onError } = this.options;
    try {
      const request = { path: `${path}/${name}`, body: JSON.stringify(body), read: accepted };
      await persist(() => call(endpoint, request), { retries: RETRIES });
    } catch (error) {
      onError?.(error);
    }
  }
}

/** What was settled, one by one, is the server's to know; a 200 without a body has lost it on the way. */
function accepted(status: number, body: unknown): true | undefined {
  return status === 200 && body !== undefined ? true : undefined;
}

/** Ids that wait for the call that is under way. */
class IdQueue {
  private ids: string[] = [];
  private sending?: Promise<void>;

  constructor(private readonly send: (ids: readonly string[]) => Promise<void>) {}

  add(id: string): void {
    this.ids.push(id);
    this.sending ??= this.drain();
  }

  async empty(): Promise<void> {
    await this.sending;
  }

  private async drain(): Promise<void> {
    // Handlers that end together go together.
    await new Promise(setImmediate);
    while (this.ids.length > 0) await this.send(this.ids.splice(0, MAX_IDS));
    this.sending = undefined;
  }
}
