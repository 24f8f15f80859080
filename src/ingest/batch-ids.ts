import { dayOfBatch } from '../tenants/ids.js';
import { dayOf } from '../platform/time.js';

/** A batch's number is the millisecond of its plan, and its place among those of that millisecond. */
const PER_MS = 16;
/** Base 36: enough until 2171. */
const DIGITS = 9;

/**
 * Names batches: `<day>-<node>-<number>`, the day of the plan in UTC, `YYYYMMDD`. Numbers rise with the clock, never fall,
 * and are never given twice, not even by a data directory that was restored from a backup: what its original planned
 * after the backup has lower numbers than all that comes now.
 */
export class BatchIds {
  private last: number;

  /**
   * @param node the spool's name, 8 hex digits
   * @param known ids that this node has given; those of another form count as none
   */
  constructor(
    private readonly node: string,
    known: Iterable<string> = [],
    private readonly now: () => number = Date.now,
  ) {
    this.last = [...known].map(numberOf).reduce((a, b) => Math.max(a, b), 0);
  }

  /** The next id. */
  next(): string {
    const now = this.now();
    this.last = Math.max(this.last + 1, now * PER_MS);
    const day = dayOf(now).replaceAll('-', '');
    return `${day}-${this.node}-${this.last.toString(36).padStart(DIGITS, '0')}`;
  }
}

/** When a batch was planned, milliseconds since the epoch; for an id of version 0.1.0, the beginning of that day. */
export function plannedAt(batchId: string): number {
  return Math.max(Math.floor(numberOf(batchId) / PER_MS), Date.parse(dayOfBatch(batchId)));
}

function numberOf(batchId: string): number {
  const number = Number.parseInt(batchId.split('-')[2] ?? '', 36);
  return Number.isSafeInteger(number) ? number : 0;
}
