import type { Stream } from '../event.js';
import type { Priority } from '../subscription.js';

/** What names a delivery, to whoever keeps its attempts. */
export interface AttemptedDelivery {
  readonly tenant: string;
  readonly subscription: string;
  readonly batchId: string;
  readonly stream: Stream;
  readonly priority: Priority;
  readonly cause?: string;
}

/** One attempt to deliver one event. */
export interface Attempt {
  /** The event's line in its batch, counted from 0. */
  readonly line: number;
  /** Counts from 1. */
  readonly attempt: number;
  readonly outcome: 'delivered' | 'failed';
  /** RFC 3339. */
  readonly at: string;
  /** HTTP status, where there was an answer. */
  readonly status?: number;
  readonly error?: string;
  /** Milliseconds it took. */
  readonly ms?: number;
  /** The first 16 KB of what the receiver said. */
  readonly response?: string;
}

/** All attempts of a delivery, in their order. */
export type AttemptsOf = (delivery: AttemptedDelivery) => Promise<readonly Attempt[]>;
