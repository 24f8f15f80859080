import type { WindowSize } from '../../../workflows/messages/batches.js';

/** How often a tenant that fills no window is looked at. */
const LOOK_EVERY_MS = 5 * 60 * 1000;

/** How long a tenant's batches take to fill a window, as measured while they are announced. */
export class FillTime {
  private since: number;
  private batches = 0;
  private bytes = 0;
  private measuredMs = Number.POSITIVE_INFINITY;

  /** @param now milliseconds */
  constructor(
    private readonly full: WindowSize,
    now: number,
  ) {
    this.since = now;
  }

  /** In milliseconds; infinite until a window has been filled, or five minutes have been watched. */
  get ms(): number {
    return this.measuredMs;
  }

  /** Counts what is announced at `now`. */
  add({ batches, bytes }: WindowSize, now: number): void {
    this.batches += batches;
    this.bytes += bytes;
    const share = Math.max(this.batches / this.full.batches, this.bytes / this.full.bytes);
    const elapsedMs = Math.max(1, now - this.since);
    if (share < 1 && elapsedMs < LOOK_EVERY_MS) return;
    this.measuredMs = elapsedMs / share;
    this.since = now;
    this.batches = this.bytes = 0;
  }
}
