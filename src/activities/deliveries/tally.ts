import { LineSet } from '../../events/line-set.js';
import type {
  DeadLines,
  DeadReason,
  PassInput,
  PassResult,
  PendingLines,
} from '../../workflows/messages/deliveries.js';

/** Clocks of processes differ by no more than this; what is due so soon is taken now. */
const DUE_SLACK_MS = 1_000;

interface Group {
  readonly lines: LineSet;
  /** Milliseconds since the epoch. */
  dueAt: number;
}

interface Dead {
  readonly lines: LineSet;
  detail: string;
  attempts: number;
}

/** Lines that are due. */
export interface DueLines {
  readonly attempts: number;
  readonly lines: Iterable<number>;
}

/** What has become of each line of a delivery. Whatever a pass has come to, {@link Tally.result} tells all that is left. */
export class Tally {
  /** Lines that a receiver has confirmed, an attempt of the activity before this one included. */
  readonly delivered = LineSet.none();
  private failedTries = 0;
  /** By attempts. */
  private readonly pending = new Map<number, Group>();
  private readonly dead = new Map<DeadReason, Dead>();
  private readonly held = LineSet.none();

  constructor(
    pending: PassInput['pending'],
    /** Lines in the batch's file. */
    private readonly lines: number,
  ) {
    for (const group of pending)
      this.groupOf(group.attempts, group.dueAt).addAll(LineSet.decode(group.lines, lines));
  }

  /**
   * Lets nothing wait longer than a pause can be: what is due later than that was
   * worked out while a clock was ahead.
   * @param longestMs the longest pause after `attempts` attempts
   * @param now milliseconds since the epoch
   */
  waitAtMost(longestMs: (attempts: number) => number, now: number): void {
    for (const [attempts, group] of this.pending)
      group.dueAt = Math.min(group.dueAt, now + longestMs(attempts));
  }

  /** What is to be tried now, least tried first; taken as it is at this moment. */
  due(now: number): DueLines[] {
    return [...this.pending]
      .filter(([, { dueAt, lines }]) => dueAt <= now + DUE_SLACK_MS && lines.count > 0)
      .sort(([left], [right]) => left - right)
      .map(([attempts, { lines }]) => ({ attempts, lines: [...lines] }));
  }

  /** What is pending and to be tried later. */
  notDue(now: number): DueLines[] {
    return [...this.pending]
      .filter(([, { dueAt }]) => dueAt > now + DUE_SLACK_MS)
      .map(([attempts, { lines }]) => ({ attempts, lines: [...lines] }));
  }

  /** Takes over what was confirmed to an attempt of this pass that was lost; lines that are not pending are not counted. */
  resume(confirmed: Iterable<number>, told: (line: number, attempts: number) => void): void {
    for (const line of confirmed) {
      for (const [attempts, { lines }] of this.pending) {
        if (!lines.has(line)) continue;
        this.deliver(line, attempts);
        told(line, attempts);
      }
    }
  }

  deliver(line: number, attempts: number): void {
    this.pending.get(attempts)?.lines.delete(line);
    this.delivered.add(line);
  }

  /** A try has failed; the line is to be tried again. */
  retry(line: number, attempts: number, dueAt: number): void {
    this.failedTries++;
    this.pending.get(attempts)?.lines.delete(line);
    const later = this.groupOf(attempts + 1, dueAt);
    later.add(line);
  }

  /** The line was not tried, since it has to come after one that is pending: it is no reason for another pass. */
  hold(line: number): void {
    this.held.add(line);
  }

  /** A try has failed, the last one. */
  exhaust(line: number, attempts: number, detail: string): void {
    this.refuse(line, attempts, 'attempts-exhausted', detail);
  }

  /** A try has failed, and another would fail as well. */
  refuse(line: number, attempts: number, reason: DeadReason, detail: string): void {
    this.failedTries++;
    this.giveUp(line, attempts, attempts + 1, reason, detail);
  }

  /** A line that can never succeed. */
  undeliverable(line: number, attempts: number, detail: string): void {
    this.giveUp(line, attempts, attempts, 'undeliverable', detail);
  }

  /** Everything that is pending is given up. */
  giveUpAll(reason: DeadReason, detail: string): void {
    for (const [attempts, { lines }] of this.pending)
      for (const line of [...lines]) this.giveUp(line, attempts, attempts, reason, detail);
  }

  /**
   * The result, but for how long to wait beyond what the retry schedule says.
   * @param now milliseconds since the epoch
   */
  result(now: number): PassResult {
    const pending = [...this.pending].filter(([, { lines }]) => lines.count > 0).sort(([a], [b]) => a - b);
    const tried = pending.filter(([, { lines }]) => [...lines].some((line) => !this.held.has(line)));
    const waitMs = Math.min(...tried.map(([, { dueAt }]) => dueAt)) - now;
    return {
      delivered: this.delivered.count,
      failed: this.failedTries,
      pending: pending.map(([attempts, { lines, dueAt }]): PendingLines => {
        return { attempts, ...this.encoded(lines), ...(dueAt > now && { dueAt }) };
      }),
      ...(pending.length > 0 && waitMs > 0 && { retryAfterMs: Math.ceil(waitMs) }),
      // One for each reason: that and the pass name the workflow which is to hold them.
      dead: [...this.dead].map(([reason, { lines, detail, attempts }]): DeadLines => {
        return { reason, detail, attempts, ...this.encoded(lines) };
      }),
    };
  }

  private giveUp(line: number, from: number, attempts: number, reason: DeadReason, detail: string): void {
    this.pending.get(from)?.lines.delete(line);
    let dead = this.dead.get(reason);
    if (dead === undefined) this.dead.set(reason, (dead = { lines: LineSet.none(), detail, attempts }));
    dead.lines.add(line);
    dead.detail = detail;
    dead.attempts = Math.max(dead.attempts, attempts);
  }

  /** The lines that were tried so often; due when the last of them is. */
  private groupOf(attempts: number, dueAt = 0): LineSet {
    let group = this.pending.get(attempts);
    if (group === undefined) this.pending.set(attempts, (group = { lines: LineSet.none(), dueAt }));
    group.dueAt = Math.max(group.dueAt, dueAt);
    return group.lines;
  }

  private encoded(lines: LineSet): Pick<PendingLines, 'lines' | 'count'> {
    return { ...(lines.count < this.lines && { lines: lines.encode() }), count: lines.count };
  }
}
