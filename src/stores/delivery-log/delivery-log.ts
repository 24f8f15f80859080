import type { Stream } from '../../events/event.js';
import type { Priority } from '../../tenants/subscription.js';

/** What names a delivery: a batch's way to one subscription, once. */
export interface DeliveryName {
  readonly tenant: string;
  readonly subscription: string;
  readonly batchId: string;
  readonly stream: Stream;
  /** Default `normal`. */
  readonly priority?: Priority;
  /** The redrive or replay it is of; absent for the first delivery. */
  readonly cause?: string;
}

/** One attempt to deliver one event. */
export interface DeliveryEntry {
  /** Of the batch's file, counted from 0. */
  readonly line: number;
  /** The event's id. */
  readonly event: string;
  /** Counts from 1. */
  readonly attempt: number;
  readonly outcome: 'delivered' | 'failed';
  /** When it ended, RFC 3339, UTC. */
  readonly at: string;
  /** HTTP status, where there was an answer. */
  readonly status?: number;
  /** What went wrong, in few words. */
  readonly error?: string;
  /** Milliseconds it took. */
  readonly ms?: number;
  /** The first 16 KB of what the receiver said to a failed attempt. */
  readonly response?: string;
  /** True where the process that made the attempt was lost, and only that it succeeded is known. */
  readonly resumed?: boolean;
  /** True where the pass had too much to keep, and this answer was left out. */
  readonly responseOmitted?: boolean;
}

/** An attempt as it is read: with the pass that made it. */
export interface LoggedDelivery extends DeliveryEntry {
  /** Counts from 1. */
  readonly pass: number;
}

/** Every attempt of every delivery, kept as long as the batches: one object per pass. */
export interface DeliveryLog {
  /**
   * Writes what a pass has done, durably and atomically. A pass that is made again replaces what was there.
   * @throws HeadgateError `DISK_FULL` (retryable), `TENANT_ID_INVALID`, `NOT_FOUND`: a part of the name has not the form it should have
   */
  write(name: DeliveryName, pass: number, entries: readonly DeliveryEntry[]): Promise<void>;
  /**
   * Reads what all passes of a delivery have done, in their order; empty if none has.
   * @throws HeadgateError `TENANT_ID_INVALID`, `NOT_FOUND`: a part of the name has not the form it should have
   */
  read(name: DeliveryName): Promise<LoggedDelivery[]>;
  /**
   * The redrives and replays that have delivered the same again, by their causes, sorted; `name` is of the first delivery.
   * @throws HeadgateError `TENANT_ID_INVALID`, `NOT_FOUND`: a part of the name has not the form it should have
   */
  causes(name: Omit<DeliveryName, 'cause'>): Promise<string[]>;
}
