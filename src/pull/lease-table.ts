import { LineSet } from '../events/line-set.js';
import type { DeadLines, PassResult, PendingLines } from '../workflows/messages/deliveries.js';

/** What Temporal keeps of a leased batch while it is held: the details of its heartbeats. */
export interface LeasedBatchRecord {
  /** Acknowledged lines, as `LineSet` encodes them. */
  readonly acked: string;
  /** Lines that have been handed out and are not acknowledged, by how often. */
  readonly attempts: readonly (readonly [attempts: number, lines: string])[];
  /** Leases that ended without an acknowledgement. */
  readonly failed: number;
}

/** One hand-out of one line to one consumer. */
export interface Lease {
  readonly line: number;
  /** Counts from 1 within the table; never the same twice. */
  readonly number: number;
  /** How often the line has been handed out, this time counted. */
  readonly attempt: number;
}

/** What {@link LeaseTable} is made of. */
export interface LeaseTableOptions {
  /** Lines in the batch's file. */
  readonly lines: number;
  readonly pending: readonly PendingLines[];
  /** What an earlier holder of the leased batch had recorded. */
  readonly record?: LeasedBatchRecord;
  readonly maxAttempts: number;
  /** Says why a line is given up: the `detail` of its dead letter. */
  readonly detail?: string;
  /** The ordering key of a line; lines of the same key are handed out one after another. */
  readonly keyOf?: (line: number) => string | undefined;
}

const OUTSIDE = 0;
const AVAILABLE = 1;
const LEASED = 2;
const ACKED = 3;
const DEAD = 4;

/**
 * Who has which line of a leased batch. A line is withheld (an earlier one of its ordering key is not done), available,
 * leased, acked or dead. `lease` makes it leased; from there `ack` makes it acked, `nack` and the deadline make it
 * available again, or dead if it was handed out as often as allowed. Acked and dead are final. A lease that has ended, in
 * whatever way, does nothing ever after; only a repeated `ack` of the lease that acked it says `true` again.
 *
 * Times are milliseconds of any one clock; the table has none of its own.
 */
export class LeaseTable {
  private readonly states: Uint8Array;
  private readonly attempts: Uint16Array;
  private readonly leases: Uint32Array;
  private readonly deadlines: Float64Array;
  /** The next line of the same key, or -1. */
  private readonly following?: Int32Array;
  private readonly acked: LineSet;
  /** Lines handed out and not acked, by how often; kept so that a record costs no walk over the lines. */
  private readonly tried: LineSet[] = [];
  /** Available lines in the order they are handed out; what is before `head` has been. */
  private queue: number[] = [];
  private head = 0;
  private lastLease = 0;
  private open = 0;
  private earliest = Infinity;
  /** Lines leased now. */
  leased = 0;
  /** Leases that ended without an acknowledgement. */
  failed: number;

  constructor(private readonly options: LeaseTableOptions) {
    const { lines, pending, record, keyOf } = options;
    this.states = new Uint8Array(lines);
    this.attempts = new Uint16Array(lines);
    this.leases = new Uint32Array(lines);
    this.deadlines = new Float64Array(lines);
    this.acked = record === undefined ? LineSet.none(lines) : LineSet.decode(record.acked, lines);
    this.failed = record?.failed ?? 0;
    for (const group of pending) this.tally(LineSet.decode(group.lines, lines), group.attempts);
    for (const [attempts, encoded] of record?.attempts ?? [])
      this.tally(LineSet.decode(encoded, lines), attempts);
    if (keyOf !== undefined) this.following = new Int32Array(lines).fill(-1);
    this.admit(keyOf);
  }

  /** Lines that can be handed out now. */
  get available(): number {
    return this.queue.length - this.head;
  }

  /** True when every line is acked or dead. */
  get done(): boolean {
    return this.open === 0;
  }

  /** No lease ends by its deadline before this time. */
  get nextDeadline(): number {
    return this.earliest;
  }

  /** Hands out the next line, if any is available. */
  lease(deadline: number): Lease | undefined {
    const line = this.queue[this.head];
    if (line === undefined) return undefined;
    this.head++;
    if (this.head > 1024 && this.head * 2 > this.queue.length) {
      this.queue = this.queue.slice(this.head);
      this.head = 0;
    }
    const attempt = this.attempts[line]! + 1;
    this.tally([line], attempt);
    this.states[line] = LEASED;
    this.leases[line] = ++this.lastLease;
    this.deadlines[line] = deadline;
    this.earliest = Math.min(this.earliest, deadline);
    this.leased++;
    return { line, number: this.lastLease, attempt };
  }

  /** Acknowledges; false if the lease has ended. */
  ack(line: number, lease: number, now: number): boolean {
    if (!this.isLive(line, lease, now)) return this.states[line] === ACKED && this.leases[line] === lease;
    this.states[line] = ACKED;
    this.leased--;
    this.acked.add(line);
    this.tried[this.attempts[line]!]?.delete(line);
    this.settled(line);
    return true;
  }

  /** Ends a lease without acknowledgement; false if it has ended already. */
  nack(line: number, lease: number, now: number): boolean {
    if (!this.isLive(line, lease, now)) return false;
    this.fail(line);
    return true;
  }

  /** Takes a lease back that never reached its consumer: it does not count as an attempt. */
  withdraw({ line, number, attempt }: Lease): void {
    if (this.states[line] !== LEASED || this.leases[line] !== number) return;
    this.tally([line], attempt - 1);
    this.states[line] = AVAILABLE;
    this.leased--;
    if (this.head > 0) this.queue[--this.head] = line;
    else this.queue.unshift(line);
  }

  /** Moves a lease's deadline; false if the lease has ended. */
  extend(line: number, lease: number, deadline: number, now: number): boolean {
    if (!this.isLive(line, lease, now)) return false;
    this.deadlines[line] = deadline;
    this.earliest = Math.min(this.earliest, deadline);
    return true;
  }

  /** Ends the leases whose deadline has come. */
  expire(now: number): void {
    if (now < this.earliest) return;
    this.earliest = Infinity;
    for (let line = 0; line < this.states.length; line++) {
      if (this.states[line] !== LEASED) continue;
      if (this.deadlines[line]! <= now) this.fail(line);
      else this.earliest = Math.min(this.earliest, this.deadlines[line]!);
    }
  }

  /** What is to be kept of it, so that nothing acked is handed out again and no attempt is forgotten. */
  record(): LeasedBatchRecord {
    const attempts = [...this.tried.entries()].flatMap(([times, set]) =>
      times > 0 && set !== undefined && set.count > 0 ? [[times, set.encode()] as const] : [],
    );
    return { acked: this.acked.encode(), attempts, failed: this.failed };
  }

  /** What has come of the leased batch, if it ends now. */
  result(): PassResult {
    const pending = this.grouped((state) => state === AVAILABLE || state === LEASED);
    const reason = 'never-acknowledged';
    const detail = this.options.detail ?? 'It was never acknowledged.';
    const dead = this.grouped((state) => state === DEAD).map((group) => ({ reason, detail, ...group }));
    return { delivered: this.acked.count, failed: this.failed, pending, dead: dead as DeadLines[] };
  }

  /** Notes how often lines have been handed out. A record says it anew for what was pending. */
  private tally(lines: Iterable<number>, attempts: number): void {
    const set = (this.tried[attempts] ??= LineSet.none(this.states.length));
    for (const line of lines) {
      if (this.acked.has(line)) continue;
      if (this.attempts[line] !== attempts) this.tried[this.attempts[line]!]?.delete(line);
      this.attempts[line] = attempts;
      if (this.states[line] === OUTSIDE) {
        this.states[line] = AVAILABLE;
        this.open++;
      }
      set.add(line);
    }
  }

  /** Takes up what is pending, in the order of the lines. */
  private admit(keyOf: LeaseTableOptions['keyOf']): void {
    const lastOfKey = new Map<string, number>();
    for (let line = 0; line < this.states.length; line++) {
      if (this.states[line] !== AVAILABLE) continue;
      if (this.isSpent(line)) {
        this.states[line] = DEAD;
        this.open--;
        continue;
      }
      const key = keyOf?.(line);
      const before = key === undefined ? undefined : lastOfKey.get(key);
      if (key !== undefined) lastOfKey.set(key, line);
      if (before === undefined) this.queue.push(line);
      else this.following![before] = line;
    }
  }

  private isSpent(line: number): boolean {
    return this.attempts[line]! >= this.options.maxAttempts;
  }

  /** A lease past its deadline is ended here, should nobody have looked since. */
  private isLive(line: number, lease: number, now: number): boolean {
    if (this.states[line] !== LEASED || this.leases[line] !== lease) return false;
    if (this.deadlines[line]! > now) return true;
    this.fail(line);
    return false;
  }

  private fail(line: number): void {
    this.failed++;
    this.leased--;
    if (this.isSpent(line)) {
      this.states[line] = DEAD;
      this.settled(line);
    } else {
      this.states[line] = AVAILABLE;
      this.queue.push(line);
    }
  }

  /** What waited for it may go. */
  private settled(line: number): void {
    this.open--;
    const next = this.following?.[line] ?? -1;
    if (next !== -1) this.queue.push(next);
  }

  private grouped(isOf: (state: number) => boolean): PendingLines[] {
    const groups = new Map<number, LineSet>();
    for (let line = 0; line < this.states.length; line++) {
      if (!isOf(this.states[line]!)) continue;
      const attempts = this.attempts[line]!;
      const set = groups.get(attempts) ?? LineSet.none(this.states.length);
      groups.set(attempts, set);
      set.add(line);
    }
    return [...groups].map(([attempts, set]) => ({ attempts, lines: set.encode(), count: set.count }));
  }
}
