import { MINUTE_MS } from '../platform/time.js';

/** So often at most it is said of one receiver that it begins to fail. */
const SAID_EVERY_MS = 10 * MINUTE_MS;

/**
 * What is to be said of a receiver's failures: that they begin, and that they are over, not each of them. One that fails and
 * recovers again and again is named every ten minutes.
 */
export class FailureNews {
  private failing = false;
  private saidAt = Number.NEGATIVE_INFINITY;
  private said = false;

  /** @param now milliseconds since the epoch */
  observe(ok: boolean, now: number): 'failing' | 'recovered' | undefined {
    if (ok) {
      const recovered = this.failing && this.said;
      this.failing = this.said = false;
      return recovered ? 'recovered' : undefined;
    }
    if (this.failing) return undefined;
    this.failing = true;
    this.said = now - this.saidAt >= SAID_EVERY_MS;
    if (!this.said) return undefined;
    this.saidAt = now;
    return 'failing';
  }
}
