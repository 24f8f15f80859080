import type { PushConfig } from '../../tenants/config/subscription-config.js';
import { createGuardedConnector, type AddressGuardOptions } from './address-guard.js';
import { Breaker } from './breaker.js';
import { Concurrency } from '../deliveries/concurrency.js';
import { createPoster, MAX_RETRY_AFTER_MS, type Poster } from './post.js';

/** The receiving end of one push subscription, as all passes of this process know it. */
export interface Receiver {
  readonly breaker: Breaker;
  readonly concurrency: Concurrency;
  /** Until when it has asked, by `Retry-After`, for nothing to be posted; milliseconds since the epoch. */
  heldUntil: number;
  /** When it was resumed last, as far as this process has heard; milliseconds since the epoch. */
  resumedAt: number;
  /** Connections to where it is now configured to be. */
  poster(config: PushConfig): Poster;
}

/**
 * Forgets what a receiver has done wrong, once for each resume of its subscription.
 * @returns false when this process has heard of that resume before
 */
export function resumeReceiver(receiver: Receiver, resumedAt: number, now: number): boolean {
  if (resumedAt <= receiver.resumedAt) return false;
  receiver.resumedAt = resumedAt;
  receiver.heldUntil = 0;
  receiver.breaker.reset(now);
  return true;
}

/**
 * For how long the receiver is still to be left alone, in milliseconds; 0 or less: not at all.
 * Nobody may ask for longer than an hour: what is later was asked for while the clock was ahead.
 */
export function heldForMs({ heldUntil }: Pick<Receiver, 'heldUntil'>, now: number): number {
  const ms = heldUntil - now;
  return ms > MAX_RETRY_AFTER_MS ? 0 : ms;
}

/** What {@link Receivers} needs. */
export interface ReceiversOptions extends Pick<AddressGuardOptions, 'allow' | 'resolve'> {
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

interface KnownReceiver extends Receiver {
  close(): Promise<void>;
}

/** Until a connection is there; a subscription's own timeout is for all of a request. */
const CONNECT_TIMEOUT_MS = 10_000;

/** The receivers this process posts to: as many as subscriptions it has run passes of, until they are forgotten. */
export class Receivers {
  private readonly known = new Map<string, KnownReceiver>();

  constructor(private readonly options: ReceiversOptions) {}

  /** The receiver of a subscription; made at the first call. */
  of(tenant: string, subscription: string): Receiver {
    const key = `${tenant}/${subscription}`;
    let receiver = this.known.get(key);
    if (receiver === undefined) this.known.set(key, (receiver = this.make()));
    return receiver;
  }

  /** Forgets a subscription that is not configured any more, and closes its connections after what is on its way. */
  async forget(tenant: string, subscription: string): Promise<void> {
    const key = `${tenant}/${subscription}`;
    const receiver = this.known.get(key);
    this.known.delete(key);
    await receiver?.close();
  }

  /** Closes all connections, after what is on its way. */
  async close(): Promise<void> {
    const all = [...this.known.values()];
    this.known.clear();
    await Promise.all(all.map((receiver) => receiver.close()));
  }

  private make(): KnownReceiver {
    const { now = Date.now, ...guard } = this.options;
    const connect = createGuardedConnector({ ...guard, connectTimeoutMs: CONNECT_TIMEOUT_MS });
    let open: { readonly url: string; readonly connections: number; readonly poster: Poster } | undefined;
    return {
      breaker: new Breaker(now()),
      concurrency: new Concurrency(now),
      heldUntil: 0,
      resumedAt: 0,
      poster: ({ url, maxConcurrency: connections }) => {
        if (open?.url === url && open.connections === connections) return open.poster;
        void open?.poster.close();
        open = { url, connections, poster: createPoster({ url, connections, connect }) };
        return open.poster;
      },
      close: async () => open?.poster.close(),
    };
  }
}
