import type { IncomingMessage } from 'node:http';
import { BytesByAddress } from '../bytes-by-address.js';
import { readBody, type BodyPace } from '../read-body.js';

const NO_ROOM = {
  node: 'This node has as many requests in memory as it may.',
  address: 'Too many bytes that are not verified yet come from this address at once.',
};

/** Reads bodies before it is known who sends them, since what proves it is made over the body: see {@link BytesByAddress}. */
export class UnverifiedBodies {
  private readonly held: BytesByAddress;

  /** @param maxBytes of all of them; default 32 MiB */
  constructor(
    private readonly pace?: BodyPace,
    maxBytes?: number,
  ) {
    this.held = new BytesByAddress(NO_ROOM, maxBytes);
  }

  /**
   * Reads a body and has it counted until `use` is through.
   * @throws HeadgateError what {@link readBody} throws; `ADDRESS_RATE_LIMITED`, `OVERLOADED`: there is no room for it
   */
  async while<T>(request: IncomingMessage, maxBytes: number, use: (body: Buffer) => Promise<T>): Promise<T> {
    const { onBytes, release } = this.held.count(request);
    try {
      return await use(await readBody(request, { maxBytes, pace: this.pace, onBytes }));
    } finally {
      release();
    }
  }
}
