import type { IncomingMessage } from 'node:http';
import type { HeadgateError } from '../../errors.js';
import { InFlight } from '../../ingest/admission/in-flight.js';
import { refusal } from '../../ingest/admission/refusal.js';
import { addressOf } from '../address.js';
import { readBody, type BodyPace } from '../read-body.js';

/** Octets of bodies whose senders are not known yet, of all addresses. */
const MOST_BYTES = 32 * 1024 ** 2;

/**
 * Reads bodies before it is known who sends them, since what proves it is made over the body. They are bounded together,
 * and by address as tenants' requests are among each other: one address alone gets half. What has come counts, not what
 * was announced, so that who sends slowly keeps nobody out.
 */
export class UnverifiedBodies {
  private readonly held: InFlight;

  constructor(
    private readonly pace?: BodyPace,
    maxBytes = MOST_BYTES,
  ) {
    this.held = new InFlight(maxBytes);
  }

  /**
   * Reads a body and has it counted until `use` is through.
   * @throws HeadgateError what {@link readBody} throws; `ADDRESS_RATE_LIMITED`, `OVERLOADED`: there is no room for it
   */
  async while<T>(request: IncomingMessage, maxBytes: number, use: (body: Buffer) => Promise<T>): Promise<T> {
    const address = addressOf(request.socket);
    let bytes = 0;
    const onBytes = (sofar: number): void => {
      const more = sofar - bytes;
      const verdict = this.held.verdict(address, more);
      if (verdict !== 'fits') throw noRoom(verdict);
      this.held.change(address, more);
      bytes = sofar;
    };
    try {
      return await use(await readBody(request, { maxBytes, pace: this.pace, onBytes }));
    } finally {
      this.held.change(address, -bytes);
    }
  }
}

function noRoom(verdict: 'tenant' | 'node'): HeadgateError {
  if (verdict === 'node')
    return refusal('OVERLOADED', 'This node has as many requests in memory as it may.', 1);
  const message = 'Too many bytes that are not verified yet come from this address at once.';
  return refusal('ADDRESS_RATE_LIMITED', message, 1);
}
