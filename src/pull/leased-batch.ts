import type { BatchRef } from '../events/event.js';
import type { PassResult } from '../workflows/messages/deliveries.js';
import { ackIdOf, newLeasedBatchId } from './ack-id.js';
import type { BatchLines } from './batch-lines.js';
import { createGroupCommit } from '../platform/group-commit.js';
import type { Lease, LeaseTable } from './lease-table.js';
import type { HeldPass } from './leased-batch-source.js';

/** One event in an answer to a pull. */
export interface PullMessage {
  readonly ackId: string;
  /** How often the event has been handed out, this time counted. */
  readonly attempt: number;
  /** CloudEvents JSON. */
  readonly event: string;
}

/** How a leased batch has ended for this process. */
export interface LeasedBatchEnd extends Pick<PassResult, 'delivered' | 'failed'> {
  /**
   * `finished`: every event is acked or dead. `returned`: given back with what is left. `lost`: Temporal has given it to
   * somebody else.
   */
  readonly outcome: 'finished' | 'returned' | 'lost';
  readonly dead: number;
  readonly pending: number;
  /** For how long this process has held it. */
  readonly seconds: number;
  readonly batch: BatchRef;
  /** Names the redrive or the replay that it is delivered again by. */
  readonly cause?: string;
}

/** What a {@link LeasedBatch} is made of. */
export interface LeasedBatchParts {
  readonly pass: HeldPass;
  readonly table: LeaseTable;
  readonly lines: BatchLines;
  readonly onEnd: (batch: LeasedBatch, end: LeasedBatchEnd) => void;
}

/**
 * The pending events of one batch, held by this process on behalf of its consumers. It is open; then ending, from when
 * its result is on the way to Temporal; then ended. Only an open leased batch leases and acknowledges.
 *
 * Consumers are told nothing that Temporal does not have: {@link LeasedBatch.save} comes between what the table says and the
 * answer. So an acknowledged event is never handed out again, an attempt is never forgotten, and a process that has lost
 * a leased batch without noticing hands nothing of it out.
 */
export class LeasedBatch {
  readonly id = newLeasedBatchId();
  readonly table: LeaseTable;
  private state: 'open' | 'ending' | 'ended' = 'open';
  private returning = false;
  private readonly commit = createGroupCommit(() => this.write());
  private readonly openedAt = performance.now();
  /** When its last heartbeat was, by `performance.now()`. */
  savedAt = performance.now();

  constructor(private readonly parts: LeasedBatchParts) {
    this.table = parts.table;
  }

  /** Bytes it takes in memory. */
  get bytes(): number {
    return this.parts.lines.bytes;
  }

  get isOpen(): boolean {
    return this.state === 'open' && !this.returning;
  }

  get hasEnded(): boolean {
    return this.state === 'ended';
  }

  /** True when Temporal has a result to be told. */
  get isDue(): boolean {
    return this.state === 'ending' || this.returning || this.table.done;
  }

  /** Hands out the next event; undefined when none is available. */
  lease(deadline: number): Lease | undefined {
    return this.isOpen ? this.table.lease(deadline) : undefined;
  }

  /** A lease as its consumer gets it. */
  message({ line, number, attempt }: Lease): PullMessage {
    const ackId = ackIdOf({ batch: this.id, line, lease: number });
    return { ackId, attempt, event: this.parts.lines.json(line) };
  }

  /**
   * Resolves when Temporal has what the table says now; false if the leased batch is lost. Ends the leased batch if all of
   * it is done.
   * @throws HeadgateError `ENGINE_UNAVAILABLE`
   */
  async save(): Promise<boolean> {
    if (this.state !== 'ended') await this.commit();
    return !this.lost;
  }

  /** Gives back what is not acknowledged; leases on it end. @throws HeadgateError `ENGINE_UNAVAILABLE` */
  async giveBack(): Promise<void> {
    this.returning = true;
    await this.save();
  }

  private lost = false;

  private async write(): Promise<void> {
    if (this.state === 'ended') return;
    this.savedAt = performance.now();
    if (!this.isDue) {
      const answer = await this.parts.pass.heartbeat(this.table.record());
      if (answer === 'lost') this.end(false);
      if (answer !== 'recalled') return;
      this.returning = true;
    }
    // Nothing may be acknowledged that the result does not say.
    this.state = 'ending';
    this.end(await this.parts.pass.complete(this.table.result()));
  }

  private end(kept: boolean): void {
    this.state = 'ended';
    this.lost = !kept;
    const { delivered, failed, pending, dead } = this.table.result();
    const left = countOf(pending);
    const outcome = !kept ? 'lost' : left > 0 ? 'returned' : 'finished';
    const seconds = (performance.now() - this.openedAt) / 1000;
    const { batch, cause } = this.parts.pass.input;
    const counts = { delivered, failed, dead: countOf(dead), pending: left };
    this.parts.onEnd(this, { outcome, ...counts, seconds, batch, cause });
  }
}

function countOf(groups: readonly { readonly count: number }[]): number {
  return groups.reduce((sum, { count }) => sum + count, 0);
}
