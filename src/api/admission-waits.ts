import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { HeadgateError } from '../errors.js';
import { SECOND_MS } from '../platform/time.js';

/** Clients send again, after 10 s and more, what has no answer yet. */
const MOST_MS = 8 * SECOND_MS;
const MOST_WAITING = 1_000;
const MOST_OF_PAYER = 50;

/**
 * Has requests of a tenant that is over its rate wait for some seconds instead of being refused: many analytics clients
 * give events up after a second or two of 429. It is bounded by tenant and in all; beyond that they are refused as ever.
 */
export class AdmissionWaits {
  private readonly waiting = new Map<string, number>();
  private total = 0;

  /**
   * Admits a request, now or when the rate allows it.
   * @param admit throws `TENANT_RATE_LIMITED` where it has to wait
   * @throws HeadgateError what `admit` has thrown: at once, unless it is the rate; else when it was too long
   */
  async admit<T>(payer: string, response: ServerResponse, admit: () => T): Promise<T> {
    const until = performance.now() + MOST_MS;
    for (;;) {
      try {
        return admit();
      } catch (error) {
        const wait = waitOf(error);
        if (wait === undefined || performance.now() + wait > until || response.destroyed) throw error;
        if (!(await this.wait(payer, wait))) throw error;
      }
    }
  }

  /** False where too many wait already. */
  private async wait(payer: string, ms: number): Promise<boolean> {
    const own = this.waiting.get(payer) ?? 0;
    if (own >= MOST_OF_PAYER || this.total >= MOST_WAITING) return false;
    this.waiting.set(payer, own + 1);
    this.total++;
    await delay(ms);
    this.total--;
    const left = (this.waiting.get(payer) ?? 1) - 1;
    if (left === 0) this.waiting.delete(payer);
    else this.waiting.set(payer, left);
    return true;
  }
}

function waitOf(error: unknown): number | undefined {
  if (!(error instanceof HeadgateError) || error.code !== 'TENANT_RATE_LIMITED') return undefined;
  return (error.retryAfterSeconds ?? 1) * SECOND_MS;
}
