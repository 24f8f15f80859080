import type { HeadgateError } from '../../errors.js';
import { InFlight } from './in-flight.js';
import { named } from './payer.js';
import { refusal } from './refusal.js';

/**
 * The requests of tenants that are open: from the token's check until the answer is through, each with a connection. A
 * tenant may have as many as are still free: see {@link InFlight}.
 */
export class OpenRequests {
  private readonly held: InFlight;

  /** @param most of all tenants together */
  constructor(most: number) {
    this.held = new InFlight(most);
  }

  /**
   * Counts a request; returns what ends it, to be called once.
   * @throws HeadgateError `TENANT_IN_FLIGHT_FULL`, `OVERLOADED`
   */
  open(payer: string): () => void {
    const verdict = this.held.verdict(payer, 1);
    if (verdict !== 'fits') throw tooMany(verdict, payer);
    this.held.change(payer, 1);
    return () => this.held.change(payer, -1);
  }
}

function tooMany(verdict: 'tenant' | 'node', payer: string): HeadgateError {
  if (verdict === 'node') return refusal('OVERLOADED', 'This node has as many open requests as it may.', 1);
  const message = `${named(payer)} has too many requests open at once; send fewer side by side.`;
  return refusal('TENANT_IN_FLIGHT_FULL', message, 1);
}
