import type { IncomingMessage } from 'node:http';
import { LRUCache } from 'lru-cache';
import { refusal } from '../ingest/admission/refusal.js';
import { TokenBucket } from '../platform/token-bucket.js';
import { addressOf } from './address.js';
import { BytesByAddress } from './bytes-by-address.js';
import { readBody, type BodyPace } from './read-body.js';

/** What {@link UnknownBodies} keeps to. */
export interface UnknownBodiesOptions {
  /** Bytes of such bodies in memory, inflated, of all addresses. Default 32 MiB. */
  readonly maxUnknownBytes?: number;
  readonly bodyPace?: BodyPace;
  readonly now?: () => number;
}

/** A body that was read before it was known whose it is. */
export class EarlyBody {
  readonly bytes: number;

  constructor(
    private body: Buffer | undefined,
    private unhold: () => void,
  ) {
    this.bytes = body?.length ?? 0;
  }

  /** Looks at it, or hands it over to who reads on; after {@link EarlyBody.drop} there is none. */
  get octets(): Buffer {
    return this.body ?? Buffer.alloc(0);
  }

  /** Somebody else counts its memory from now on. */
  release(): void {
    this.unhold();
    this.unhold = () => undefined;
  }

  /** Nobody needs it any more: what waits for its answer keeps no memory. */
  drop(): void {
    this.release();
    this.body = undefined;
  }
}

const NO_ROOM = {
  node: 'This node reads as many bodies without a key as it may.',
  address:
    'This address sends too many bodies at once whose key is not in a header; send fewer side by side.',
};
/** What an address may have read for nothing. To inflate and look through a megabyte takes some milliseconds. */
const WASTED_BYTES_PER_SECOND = 1_000_000;
const MOST_ADDRESSES = 10_000;

/**
 * Reads bodies of requests that say only there who sends them. Anybody can send one, so they are bounded before anything
 * is known of them:
 *
 * - in memory: see {@link BytesByAddress};
 * - by what was read for nothing: an address whose bodies have no good key pays a megabyte a second back before the next is read.
 */
export class UnknownBodies {
  private readonly held: BytesByAddress;
  private readonly wasted = new LRUCache<string, TokenBucket>({ max: MOST_ADDRESSES });
  private readonly now: () => number;

  constructor(private readonly options: UnknownBodiesOptions = {}) {
    this.held = new BytesByAddress(NO_ROOM, options.maxUnknownBytes);
    this.now = options.now ?? Date.now;
  }

  /** Bytes in memory. */
  get bytes(): number {
    return this.held.bytes;
  }

  /**
   * @throws HeadgateError what {@link readBody} throws; `ADDRESS_RATE_LIMITED` (429): the address has too many under way, or
   * has sent too many for nothing; `OVERLOADED` (503): all together are too many
   */
  async read(request: IncomingMessage, maxBytes: number): Promise<EarlyBody> {
    this.assertNoDebt(addressOf(request.socket));
    const { onBytes, bytes, release } = this.held.count(request);
    try {
      const { bodyPace: pace } = this.options;
      return new EarlyBody(await readBody(request, { maxBytes, pace, onBytes, anyGzip: true }), release);
    } catch (error) {
      this.forNothing(request, bytes());
      release();
      throw error;
    }
  }

  /** Notes that a body was read for nothing. */
  forNothing({ socket }: IncomingMessage, bytes: number): void {
    const address = addressOf(socket);
    const bucket = this.wasted.get(address) ?? new TokenBucket();
    bucket.take(bytes, WASTED_BYTES_PER_SECOND, this.now());
    this.wasted.set(address, bucket);
  }

  private assertNoDebt(address: string): void {
    const wait = this.wasted.get(address)?.waitSeconds(WASTED_BYTES_PER_SECOND, this.now()) ?? 0;
    if (wait === 0) return;
    const message =
      'Too many bodies without a good key have come from this address; send the key in a header.';
    throw refusal('ADDRESS_RATE_LIMITED', message, wait);
  }
}
