import { call, type Endpoint } from './call.js';
import type { CloudEvent } from './cloudevent.js';
import { HeadgateError } from './error.js';

/** What {@link Leases} needs. */
export interface LeasesOptions {
  readonly endpoint: Endpoint;
  /** Path of the subscription. */
  readonly path: string;
  /** For how long a lease is kept at a time. */
  readonly ackDeadlineSeconds: number;
  readonly onError?: (error: unknown, event?: CloudEvent) => void;
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number;
}

/** An event that was handed out, and by which name it is settled. */
export interface Leased {
  readonly ackId: string;
  readonly event: CloudEvent;
}

interface Held {
  /** When it is to be extended next. */
  dueAt: number;
  /** The server keeps it until then at least. */
  sureUntil: number;
}

/** What the server answers to a call that settles: what has become of each. */
export interface Settled {
  readonly results?: readonly { readonly ackId: string; readonly status: string }[];
}

/** Most ack ids of a call. */
const MAX_IDS = 1_000;
/** A subscription's deadline is this long at least; */
const SHORTEST_DEADLINE_MS = 10_000;
/** what is handled within half of it needs no call to be kept. */
const FIRST_EXTENSION_MS = 5_000;
const TICK_MS = 1_000;
/** About half a minute; then the deadline decides. */
const RETRIES = 8;

/**
 * The leases a consumer has: keeps them while handlers run, and ends them. One call of a kind is under way at a time; what
 * comes meanwhile goes with the next, so that the busier a consumer is, the fewer calls an event costs. Where the process
 * was held up, a lease may have ended unseen: it is sure only for as long as the server is known to keep it.
 */
export class Leases {
  private readonly held = new Map<string, Held>();
  private readonly acks: Queue;
  private readonly nacks: Queue;
  private readonly ticking: NodeJS.Timeout;
  private extending = Promise.resolve();
  /** What an answer brings now has been handed out since then: this process was not held up before. */
  private awakeAt: number;
  private tickedAt: number;

  constructor(private readonly options: LeasesOptions) {
    this.acks = new Queue((leased) => this.acknowledge(leased));
    this.nacks = new Queue(async (leased) => void (await this.send('nack', leased.map(ackIdOf))));
    this.awakeAt = this.tickedAt = options.now();
    this.ticking = setInterval(() => this.tick(), TICK_MS);
  }

  hold({ ackId }: Leased): void {
    const dueAt = this.options.now() + FIRST_EXTENSION_MS;
    this.held.set(ackId, { dueAt, sureUntil: this.awakeAt + SHORTEST_DEADLINE_MS });
  }

  /** True while the server keeps it for certain. */
  isSure({ ackId }: Leased): boolean {
    return (this.held.get(ackId)?.sureUntil ?? -Infinity) > this.options.now();
  }

  /** Asks the server to keep one that is not sure; false if it does not, or cannot be asked. */
  async renew(leased: Leased): Promise<boolean> {
    const held = this.held.get(leased.ackId);
    if (held === undefined) return false;
    // What is not sure is due, or asked for already.
    this.extendDue();
    await this.extending;
    return this.isSure(leased);
  }

  ack(leased: Leased): void {
    this.held.delete(leased.ackId);
    this.acks.add(leased);
  }

  nack(leased: Leased): void {
    this.held.delete(leased.ackId);
    this.nacks.add(leased);
  }

  /** Waits until all that has ended is settled with the server. */
  async close(): Promise<void> {
    clearInterval(this.ticking);
    await Promise.all([this.acks.empty(), this.nacks.empty(), this.extending]);
  }

  private tick(): void {
    this.awakeAt = this.tickedAt;
    this.tickedAt = this.options.now();
    this.extendDue();
  }

  private extendDue(): void {
    const now = this.options.now();
    const due = [...this.held].filter(([, { dueAt }]) => dueAt <= now);
    const keptMs = this.options.ackDeadlineSeconds * 1000;
    for (const [, held] of due) held.dueAt = now + keptMs / 2;
    for (let at = 0; at < due.length; at += MAX_IDS) {
      const some = due.slice(at, at + MAX_IDS);
      this.extending = this.extending.then(() => this.extend(new Map(some), keptMs));
    }
  }

  private async extend(leases: ReadonlyMap<string, Held>, keptMs: number): Promise<void> {
    const { ackDeadlineSeconds, now } = this.options;
    let askedAt = 0;
    const more = { ackDeadlineSeconds, onAsked: () => void (askedAt = now()) };
    for (const { ackId, status } of await this.send('modify-ack-deadline', [...leases.keys()], more)) {
      const held = leases.get(ackId);
      if (held === undefined) continue;
      held.sureUntil = status === 'ok' ? askedAt + keptMs : -Infinity;
      // One that has ended is not asked for again.
      if (status !== 'ok') held.dueAt = Infinity;
    }
  }

  private async acknowledge(leased: readonly Leased[]): Promise<void> {
    const results = await this.send('ack', leased.map(ackIdOf));
    const lost = new Set(results.flatMap(({ ackId, status }) => (status === 'ok' ? [] : [ackId])));
    for (const { ackId, event } of leased)
      if (lost.has(ackId))
        this.options.onError?.(
          leaseLost('was handled for longer than its lease could be kept: it is handed out again'),
          event,
        );
  }

  /** Never throws: what cannot be told is settled by the deadline, and the event comes again. */
  private async send(
    name: string,
    ackIds: readonly string[],
    { onAsked, ...more }: { readonly ackDeadlineSeconds?: number; readonly onAsked?: () => void } = {},
  ): Promise<NonNullable<Settled['results']>> {
    const { endpoint, path, onError } = this.options;
    const body = JSON.stringify({ ackIds, ...more });
    try {
      const request = { path: `${path}/${name}`, body, read: settledBy, retries: RETRIES };
      return (await call(endpoint, { ...request, onAttempt: onAsked })).results ?? [];
    } catch (error) {
      onError?.(error);
      return [];
    }
  }
}

/** The event's lease has ended, and it is handed out again. */
export function leaseLost(what: string): HeadgateError {
  return new HeadgateError('LEASE_LOST', `An event ${what}.`);
}

/** A 200 without a body has lost it on the way. That none of the leases is live is an answer as well. */
function settledBy(status: number, body: unknown): Settled | undefined {
  if (status === 200) return body as Settled | undefined;
  const settled = (body ?? {}) as Settled & { readonly code?: string };
  return settled.code === 'LEASE_STALE' ? settled : undefined;
}

function ackIdOf({ ackId }: Leased): string {
  return ackId;
}

/** What waits for the call that is under way. */
class Queue {
  private waiting: Leased[] = [];
  private sending?: Promise<void>;

  constructor(private readonly send: (leased: readonly Leased[]) => Promise<void>) {}

  add(leased: Leased): void {
    this.waiting.push(leased);
    this.sending ??= this.drain();
  }

  async empty(): Promise<void> {
    await this.sending;
  }

  private async drain(): Promise<void> {
    // Handlers that end together go together.
    await new Promise(setImmediate);
    while (this.waiting.length > 0) await this.send(this.waiting.splice(0, MAX_IDS));
    this.sending = undefined;
  }
}
