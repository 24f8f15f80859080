import { randomBytes } from 'node:crypto';

/** What an ack id stands for. */
export interface LeaseName {
  /** See {@link newLeasedBatchId}. */
  readonly batch: string;
  readonly line: number;
  /** Number of the lease within the leased batch. */
  readonly lease: number;
}

const ACK_ID = /^([A-Za-z0-9_-]{16})\.([0-9a-z]{1,6})\.([0-9a-z]{1,7})$/;

/**
 * A name for one holding of one leased batch by one process. It is drawn at random each time a leased batch is taken, and
 * not made of the workflow's run and the activity's attempt: an operator can set attempts back, and a lease of a lost
 * process must not come true again. 96 bits, so that nobody guesses one either.
 */
export function newLeasedBatchId(): string {
  return randomBytes(12).toString('base64url');
}

/** The opaque id of a lease that consumers get and send back. */
export function ackIdOf({ batch, line, lease }: LeaseName): string {
  return `${batch}.${line.toString(36)}.${lease.toString(36)}`;
}

/** Reads {@link ackIdOf}; undefined for what it has not made. */
export function parseAckId(ackId: string): LeaseName | undefined {
  const [, batch, line, lease] = ACK_ID.exec(ackId) ?? [];
  if (batch === undefined || line === undefined || lease === undefined) return undefined;
  return { batch, line: parseInt(line, 36), lease: parseInt(lease, 36) };
}
