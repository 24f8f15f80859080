import type { IncomingMessage } from 'node:http';
import { InFlight } from '../ingest/admission/in-flight.js';
import { refusal } from '../ingest/admission/refusal.js';
import { addressOf } from './address.js';

/** What is said where there is no room. */
interface NoRoom {
  /** To everybody: all addresses together hold too much. */
  readonly node: string;
  /** To one address that does. */
  readonly address: string;
}

/** The bytes of one body. */
export interface CountedBody {
  /**
   * Told how many have come so far.
   * @throws HeadgateError `ADDRESS_RATE_LIMITED` (429), `OVERLOADED` (503): there is no room for them
   */
  readonly onBytes: (sofar: number) => void;
  /** Bytes that are held. */
  readonly bytes: () => number;
  /** Gives them back, once. */
  readonly release: () => void;
}

const MOST_BYTES = 32 * 1024 ** 2;

/**
 * Bounds bodies in memory of which nobody knows yet who sends them: all together, and an address by what is still free, as
 * tenants are ({@link InFlight}). One alone gets half, and there is always room for one more. Bytes count as they come, so
 * nothing is kept free for who only announces them, or sends slowly.
 */
export class BytesByAddress {
  private readonly inFlight: InFlight;

  /** @param maxBytes inflated, of all addresses; default 32 MiB */
  constructor(
    private readonly noRoom: NoRoom,
    maxBytes = MOST_BYTES,
  ) {
    this.inFlight = new InFlight(maxBytes);
  }

  /** Bytes in memory. */
  get bytes(): number {
    return this.inFlight.bytes;
  }

  /** Counts the body of a request. */
  count({ socket }: IncomingMessage): CountedBody {
    const address = addressOf(socket);
    let held = 0;
    return {
      onBytes: (sofar) => {
        this.hold(address, sofar - held);
        held = sofar;
      },
      bytes: () => held,
      release: () => {
        this.inFlight.change(address, -held);
        held = 0;
      },
    };
  }

  private hold(address: string, more: number): void {
    const verdict = this.inFlight.verdict(address, more);
    if (verdict === 'node') throw refusal('OVERLOADED', this.noRoom.node, 1);
    if (verdict === 'tenant') throw refusal('ADDRESS_RATE_LIMITED', this.noRoom.address, 1);
    this.inFlight.change(address, more);
  }
}
